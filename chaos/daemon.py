"""One program on one host, started, killed, frozen and started again at will.

Each start is recorded by pid and start time, so that a later run can end what a crashed one left (leftovers.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from taskyard.local.errors import LocalError
from taskyard.local.process import ProcessId, identify, spawn


class Record:
    """The file that lists all processes of a cluster, for whoever has to clean up after it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, process: ProcessId) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(f"{process.pid} {process.started}\n")

    def read(self) -> list[ProcessId]:
        if not self._path.exists():
            return []
        lines = [line.split(maxsplit=1) for line in self._path.read_text().splitlines()]
        return [ProcessId(int(line[0]), line[1]) for line in lines if len(line) == 2]


class Daemon:
    """`argv` and `prepare` are called at each start; `ready` tells whether it does its work. Inert until `start`."""

    def __init__(
        self,
        name: str,
        argv: Callable[[], list[str]],
        *,
        log: Path,
        record: Record,
        ready: Callable[[], bool],
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = argv
        self._prepare = prepare
        self._record = record
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self.altered = False
        """Started with an environment that is not the usual one."""

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LocalError(f"{self.name} was not started", log=self.log)
        return self._process.pid

    @property
    def running(self) -> bool:
        """Also while it is frozen."""
        return self._process is not None and self._process.poll() is None

    @property
    def frozen(self) -> bool:
        try:
            return self.running and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: what is added to the usual one for this one life."""
        if self.running:
            raise LocalError(f"{self.name} runs already", log=self.log)
        self._prepare()
        self.altered = bool(environment)
        usual = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        self._process = spawn(self._argv(), self.log, env={**usual, **(environment or {})})
        if (identity := identify(self._process.pid)) is not None:
            self._record.add(identity)

    def wait_ready(self, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while not self._ready():
            if not self.running:
                raise LocalError(f"{self.name} ended by itself (exit code {self._exit_code()})", log=self.log)
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} was not ready within {timeout:.0f} s", log=self.log)
            time.sleep(0.05)

    def restart(self, environment: Mapping[str, str] | None = None) -> None:
        self.kill()
        self.start(environment)
        self.wait_ready()

    def kill(self) -> None:
        """SIGKILL. Nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def terminate(self, grace: float = 20.0) -> None:
        """SIGTERM, and SIGKILL when that does not end it in time."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """SIGSTOP: its connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _exit_code(self) -> int | None:
        return self._process.returncode if self._process is not None else None
