"""A task's whole log through `taskyard logs -f`, beside `docker logs -f` of the same container.

Both write into a pipe that is drained and counted; the time is that of the whole process, start included. Two streams:
the log of a container that has ended (30 MB, all that its log keeps), and one that is written while both read it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

from bench.environment import cluster, engine
from bench.report import Figure, Goal, Report
from taskyard.local import demo_image
from tests.support.cluster import LiveCluster

LINE = "x" * 99
LINES = 200_000
"""Of 100 bytes: what json-file keeps of three files of 10 MB is a little less."""
WRITER = f"yes {LINE} | head -n {LINES}"


@dataclass(frozen=True, slots=True)
class _Read:
    size: int
    seconds: float

    @property
    def rate(self) -> float:
        """MB a second."""
        return self.size / self.seconds / 1e6


def run(repeats: int) -> Report:
    ended: dict[str, list[float]] = {"docker": [], "taskyard": []}
    growing: dict[str, list[float]] = {"docker": [], "taskyard": []}
    with engine() as host, cluster(host) as live:
        _start(live, "ended", WRITER)
        live.wait_state("ended", "Completed", 120)
        _read(_ours(live, "ended"))
        for repeat in range(repeats):
            _both(live, host, "ended", ended, first=repeat % 2)
        for repeat in range(repeats):
            for side in ("docker", "taskyard"):
                name = f"grows-{side}-{repeat}"
                _start(live, name, f"sleep 2; {WRITER}")
                live.wait_state(name, "Running", 60)
                command = _ours(live, name) if side == "taskyard" else _theirs(live, host, name)
                growing[side].append(_read(command, less=2.0).rate)
                live.call("DELETE", f"/tasks/{name}")
    ratios = [ours / theirs for ours, theirs in zip(ended["taskyard"], ended["docker"], strict=True)]
    ratios_growing = [ours / theirs for ours, theirs in zip(growing["taskyard"], growing["docker"], strict=True)]
    return Report(
        "logs",
        [
            Figure("docker logs -f, ended container", "MB/s", ended["docker"]),
            Figure("taskyard logs -f, ended container", "MB/s", ended["taskyard"]),
            Figure("docker logs -f, while it is written", "MB/s", growing["docker"]),
            Figure("taskyard logs -f, while it is written", "MB/s", growing["taskyard"]),
            Figure("taskyard / docker, ended, by repeat", "ratio", ratios),
            Figure("taskyard / docker, written, by repeat", "ratio", ratios_growing),
        ],
        [
            Goal("share of docker logs, ended container", Figure("", "", ratios).median, 0.7, "at least"),
            Goal("share of docker logs, while it is written", Figure("", "", ratios_growing).median, 0.7, "at least"),
        ],
    )


def _start(live: LiveCluster, name: str, script: str) -> None:
    spec = {"image": demo_image.REFERENCE, "command": ["sh", "-c", script], "restart": {"policy": "never"}}
    live.apply({"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": name}, "spec": spec})


def _both(live: LiveCluster, host: str, name: str, into: dict[str, list[float]], *, first: int) -> None:
    """One after the other, taking turns in who begins."""
    commands = [("docker", _theirs(live, host, name)), ("taskyard", _ours(live, name))]
    sizes = set()
    for side, command in commands[first:] + commands[:first]:
        found = _read(command)
        sizes.add(found.size)
        into[side].append(found.rate)
    assert len(sizes) == 1, f"they read different amounts: {sizes}"


def _ours(live: LiveCluster, name: str) -> list[str]:
    return [f"{sys.prefix}/bin/taskyard", "--server", live.url, "logs", "-f", name]


def _theirs(live: LiveCluster, host: str, name: str) -> list[str]:
    task = live.task(name)
    assert task is not None
    return ["docker", "-H", host, "logs", "-f", task["status"]["containerId"]]


def _read(command: list[str], less: float = 0.0) -> _Read:
    """`less`: seconds that the container does nothing at first."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        size = 0
        while piece := os.read(child.stdout.fileno(), 1 << 20):
            size += len(piece)
        assert child.wait() == 0
    return _Read(size, time.perf_counter() - began - less)
