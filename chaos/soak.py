"""`python -m chaos soak --minutes N`: a cluster under churn and passing faults, whose processes must stay as they were.

A round creates, edits, kills and deletes tasks while one thing or another goes wrong for a moment, and ends with an
empty cluster, where what its processes use is measured. No process of Taskyard's is started anew, so that nothing that
grows is forgotten. The witness looks on; flat.py judges in the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count

import docker.errors
import psutil

from chaos.cluster import Cluster
from chaos.daemon import Daemon
from chaos.flat import LEAST_SAMPLES, Usage, Verdict, judge
from chaos.host import Host
from chaos.witness import Witness
from taskyard import keys
from taskyard.local import demo_image

TASKS = 9
HISTORY = 4200
"""Updates; a little more than `controlplane.api.feed.CAPACITY`. A task that is made and deleted is two."""
_BATCH = 100
_PATIENCE = 120.0
_MOMENT = 2.0
"""Seconds that a fault lasts; less than a lease."""


@dataclass
class Soak:
    cluster: Cluster
    say: Callable[[str], None]
    samples: dict[str, list[Usage]] = field(default_factory=dict)
    """By process."""

    def run(self, minutes: float) -> dict[str, list[Verdict]]:
        """At least as many rounds as the rule needs. Raises RuleBroken and Timeout for what must not be."""
        self._fill_histories()
        deadline = time.monotonic() + minutes * 60
        for number in count():
            # Each fault has been there before the samples count.
            if time.monotonic() >= deadline and number >= max(3 * len(_FAULTS), LEAST_SAMPLES):
                break
            with Witness(self.cluster):
                self._round(number)
            # They live for an hour, in etcd and in the control planes' memory: rounds that end alike end without them.
            self.cluster.member(self.cluster.hosts[0]).delete(keys.EVENTS)
            self._measure()
            self.say(f"round {number + 1}: {self._shown()}")
        return {name: judge(taken) for name, taken in self.samples.items()}

    def _fill_histories(self) -> None:
        """Each API remembers the last updates for those who watch, from the first list on: that grows up to a limit."""
        self.say("filling the control planes' histories of updates …")
        cluster = self.cluster
        for plane in cluster.planes:
            cluster.call("GET", "/tasks", at=plane)
        for start in range(0, HISTORY // 2, _BATCH):
            names = [f"history-{start + index}" for index in range(_BATCH)]
            cluster.apply(*(_nowhere(name) for name in names))
            for name in names:
                cluster.delete(name)
        cluster.until(lambda: not cluster.tasks(), _PATIENCE, "the histories are full and nothing else is left")
        cluster.member(cluster.hosts[0]).delete(keys.EVENTS)

    def _round(self, number: int) -> None:
        cluster = self.cluster
        names = [f"soak-{index}" for index in range(TASKS)]
        fault = _FAULTS[number % len(_FAULTS)]
        with fault(cluster.hosts[number % len(cluster.hosts)]):
            for name in names:
                cluster.wait_accepted(_task(name, number), _PATIENCE)
        running = cluster.wait_running(names, _PATIENCE)
        for host in cluster.hosts:
            mine = [one for one in running.values() if one["status"]["node"] == host.name]
            if mine:
                host.kill_container(mine[0]["status"]["containerId"])
        cluster.apply(*(_task(name, number, generation=2) for name in names[::2]))
        cluster.until(lambda: self._edited(names[::2]), _PATIENCE, "the edited tasks run as they are now")
        cluster.wait_running(names, _PATIENCE)
        cluster.delete_all(_PATIENCE)

    def _edited(self, names: list[str]) -> bool:
        """Docker has the new words in their environments; the epoch does not tell, as a task may have moved, too."""
        for name in names:
            status = self.cluster.wait_state(name, "Running", _PATIENCE)["status"]
            try:
                container = self.cluster.host(status["node"]).inspect(status["containerId"])
            except docker.errors.NotFound:
                return False
            if "GENERATION=2" not in container["Config"]["Env"]:
                return False
        return True

    def _measure(self) -> None:
        for daemon in self._processes():
            process = psutil.Process(daemon.pid)
            with process.oneshot():
                usage = Usage(process.memory_info().rss, process.num_threads(), process.num_fds())
            self.samples.setdefault(daemon.name, []).append(usage)

    def _processes(self) -> list[Daemon]:
        return [
            daemon
            for host in self.cluster.hosts
            for daemon in host.daemons
            if daemon in (host.agent, host.controlplane)
        ]

    def _shown(self) -> str:
        return ", ".join(
            f"{name.replace('control plane', 'plane').replace(' on ', '@')} {taken[-1].memory / 2**20:.1f} MiB"
            f" {taken[-1].threads}t {taken[-1].descriptors}d"
            for name, taken in self.samples.items()
        )


def report(verdicts: dict[str, list[Verdict]]) -> str:
    """A line for each process and quantity."""
    lines = []
    for name, judged in verdicts.items():
        for verdict in judged:
            unit = 2**20 if verdict.what == "memory" else 1
            lines.append(
                f"{'flat ' if verdict.flat else 'GROWS'} {name:<20} {verdict.what:<11} {verdict.before / unit:8.1f} →"
                f" {verdict.after / unit:8.1f}{' MiB' if unit > 1 else ''} (allowed {verdict.allowed / unit:+.1f})"
            )
    return "\n".join(lines)


def _task(name: str, number: int, generation: int = 1) -> dict[str, object]:
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": name, "labels": {"round": str(number)}},
        "spec": {
            "image": demo_image.REFERENCE,
            "command": ["sleep", "3600"],
            "env": {"GENERATION": str(generation)},
            "stop": {"gracePeriod": "0s"},
            "singleton": name.endswith("0"),
        },
    }


def _nowhere(name: str) -> dict[str, object]:
    """A task that no node can take."""
    made = _task(name, 0)
    return {**made, "spec": {"image": demo_image.REFERENCE, "nodeSelector": {"host": "none"}}}


@contextmanager
def _nothing(_: Host) -> Iterator[None]:
    yield


@contextmanager
def _cut_off(host: Host) -> Iterator[None]:
    host.cut()
    try:
        yield
        time.sleep(_MOMENT)
    finally:
        host.heal()


@contextmanager
def _paused(daemon: Daemon) -> Iterator[None]:
    daemon.pause()
    try:
        yield
        time.sleep(_MOMENT)
    finally:
        daemon.resume()


@contextmanager
def _etcd_restarted(host: Host) -> Iterator[None]:
    host.etcd.restart()
    yield


@contextmanager
def _dockerd_restarted(host: Host) -> Iterator[None]:
    host.dockerd.restart()
    yield


_FAULTS: tuple[Callable[[Host], AbstractContextManager[None]], ...] = (
    _nothing,
    _cut_off,
    lambda host: _paused(host.etcd),
    lambda host: _paused(host.dockerd),
    _etcd_restarted,
    lambda host: _paused(host.agent),
    _dockerd_restarted,
)
