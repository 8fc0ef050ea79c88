"""A stock HAProxy with a configuration that `taskyard endpoints` keeps up to date: no request fails while a service is
brought to another version under load."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scenarios.test_command_line import TASKYARD, taskyard
from tests.scenarios.test_services import web
from tests.support.cluster import LiveCluster
from tests.support.etcd_server import free_ports

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


class Load(threading.Thread):
    """One request after the other, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._ending = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    self.answers[answer.read().decode().strip()] += 1
            except OSError as error:
                self.failures.append(f"{time.monotonic():.3f}: {error}")

    def end(self) -> None:
        self._ending.set()
        self.join()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def haproxy(config: Path) -> Iterator[str]:
    """Its master process; the command that makes it read its configuration again."""
    master = subprocess.Popen(["haproxy", "-W", "-db", "-f", str(config)])
    try:
        yield f"kill -USR2 {master.pid}"
    finally:
        master.terminate()
        master.wait(10)


@contextmanager
def followed(live: LiveCluster, *arguments: str) -> Iterator[None]:
    following = subprocess.Popen([str(TASKYARD), "--server", live.url, "endpoints", *arguments], stdout=sys.stderr)
    try:
        yield
    finally:
        following.terminate()
        following.wait(10)


def test_no_request_fails_while_a_service_is_updated(live: LiveCluster, tmp_path: Path) -> None:
    port, config = free_ports(1)[0], tmp_path / "haproxy.cfg"
    manifest = web("one", order="start-first", minReady="2s")
    manifest["spec"]["template"]["spec"] |= {
        "checks": {"readiness": {"http": {"port": 80}, "interval": "500ms"}},
        # What HAProxy was sent on the way there is answered before the program ends.
        "hooks": {"preStop": {"command": ["sleep", "3"]}},
        "stop": {"gracePeriod": "8s"},
    }
    live.apply(manifest)
    assert taskyard(live, "rollout", "status", "web", "--timeout", "120s").returncode == 0
    shown = ["web", "-o", "haproxy", "--bind", f"127.0.0.1:{port}", "--write", str(config)]
    assert taskyard(live, "endpoints", *shown).returncode == 0

    with haproxy(config) as reload, followed(live, *shown, "--watch", "--then", reload):
        url = f"http://127.0.0.1:{port}/"
        live.until(lambda: answers(url), 30, "HAProxy answers")
        loads = [Load(url) for _ in range(4)]
        for load in loads:
            load.start()
        try:
            manifest["spec"]["template"]["spec"]["command"][2] = web("two")["spec"]["template"]["spec"]["command"][2]
            live.apply(manifest)
            rolled = taskyard(live, "rollout", "status", "web", "--timeout", "180s")
            assert rolled.returncode == 0, rolled.stderr
            live.until(lambda: all(load.answers["two"] > 0 for load in loads), 60, "the new version answers")
        finally:
            for load in loads:
                load.end()
    assert [failure for load in loads for failure in load.failures] == []
    assert set(sum((load.answers for load in loads), Counter[str]())) == {"one", "two"}
