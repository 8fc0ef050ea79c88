"""A stock HAProxy that follows a service through `taskyard endpoints`, and a load on it that counts what fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import LiveCluster
from tests.support.etcd_server import free_ports

TASKYARD = Path(sys.prefix) / "bin" / "taskyard"
_PATIENCE = 30.0

GRACEFUL = {
    "checks": {"readiness": {"http": {"port": 80}, "interval": "500ms"}},
    # What the proxy sends until it has its new configuration is answered before the program ends.
    "stop": {"delay": "3s", "gracePeriod": "5s"},
}
"""Of a task's spec: what an update that loses no request wants."""


class Load(threading.Thread):
    """One request after the other, each on a connection of its own, and none made again: each that fails counts."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._ending = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                self._ask()
            except OSError as error:
                self.failures.append(f"{time.monotonic():.3f}: {error}")

    def _ask(self) -> None:
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            self.answers[answer.read().decode().strip()] += 1

    def end(self) -> None:
        self._ending.set()
        self.join()


@contextmanager
def followed_by_haproxy(live: LiveCluster, service: str, folder: Path) -> Iterator[str]:
    """The URL at which it answers, as soon as it does. The service is ready."""
    config, bind = folder / "haproxy.cfg", f"127.0.0.1:{free_ports(1)[0]}"
    shown = [str(TASKYARD), "--server", live.url, "endpoints", service, "-o", "haproxy", "--bind", bind]
    shown += ["--write", str(config)]
    subprocess.run(shown, check=True, timeout=60)
    # Each new process takes the listening sockets over, with what waits on them to be accepted, then the old one ends.
    # The signal that has a master reload itself may get lost while it does so already.
    base, pids = folder / "base.cfg", folder / "haproxy.pid"
    base.write_text(
        "global\n"
        f"    stats socket {folder}/haproxy.sock mode 600 level admin expose-fd listeners\n"
        "    hard-stop-after 5s\n"
    )
    start = f"haproxy -D -f {base} -f {config} -p {pids}"
    subprocess.run(start.split(), check=True, timeout=10)
    following = None
    try:
        following = subprocess.Popen(
            [*shown, "--watch", "--then", f"{start} -x {folder}/haproxy.sock -sf $(cat {pids})"]
        )
        url = f"http://{bind}/"
        live.until(lambda: _answers(url), _PATIENCE, "HAProxy answers")
        yield url
    finally:
        if following is not None:
            following.terminate()
            following.wait(10)
        for pid in pids.read_text().split():
            os.kill(int(pid), signal.SIGTERM)


@contextmanager
def under_load(url: str, threads: int = 4) -> Iterator[list[Load]]:
    loads = [Load(url) for _ in range(threads)]
    for load in loads:
        load.start()
    try:
        yield loads
    finally:
        for load in loads:
            load.end()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
