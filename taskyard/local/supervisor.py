"""Keeps the child processes of `taskyard up` running: `python -m taskyard.local.supervisor STATE_DIR`.

It starts what the plan names, starts again what ends, and writes a report that the other commands read. SIGTERM stops
the children, last started first. A supervisor that takes over from a dead one adopts the children that still run.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from msgspec.structs import replace

from taskyard.clock import Clock, SystemClock
from taskyard.endings import heed
from taskyard.local.process import identify, spawn, stop
from taskyard.local.state import ChildPlan, ChildReport, Plan, Report, StateFolder
from taskyard.local.supervision import ended, next_step

_log = logging.getLogger(__name__)
_TICK = 0.2
_GRACE = 15.0


class Supervisor:
    """One round is `step`; `run` repeats it until told to stop."""

    def __init__(self, folder: StateFolder, plan: Plan, clock: Clock) -> None:
        self._folder = folder
        self._plan = plan
        self._clock = clock
        self._own: dict[int, subprocess.Popen[bytes]] = {}
        self._children: dict[str, ChildReport] = {}
        self._written: Report | None = None

    def adopt(self) -> None:
        """Takes over what an earlier supervisor left running, and its counts."""
        earlier = self._folder.report()
        known = {child.name: child for child in earlier.children} if earlier is not None else {}
        for child in self._plan.children:
            self._children[child.name] = known.get(child.name, ChildReport(name=child.name))

    def step(self) -> None:
        for plan in self._plan.children:
            known = self._children[plan.name]
            alive = known.process is not None and known.process.alive()
            child, action = next_step(known, alive=alive, exit=self._exit_of(known), now=self._clock.now())
            if known.process is not None and child.process is None:
                wait = child.next_start - self._clock.now()
                _log.warning("%s ended: %s; it is started again in %.1f s", plan.name, child.last_exit, wait)
            if action == "start" and all(_answers(address) for address in plan.needs):
                child = self._start(plan, child)
            self._children[plan.name] = child
        self._write()

    def run(self, stop_asked: threading.Event) -> None:
        self.adopt()
        while not stop_asked.is_set():
            self.step()
            stop_asked.wait(_TICK)
        self.stop()

    def stop(self) -> None:
        """All but the children that outlive it, the last in the plan first."""
        for plan in reversed(self._plan.children):
            child = self._children[plan.name]
            if child.process is None or plan.outlives:
                continue
            if stop([child.process], grace=_GRACE):
                _log.warning("%s did not end within %.0f s of SIGTERM and was killed", plan.name, _GRACE)
            self._exit_of(child)
            self._children[plan.name] = ChildReport(name=plan.name)
            _log.info("%s is stopped", plan.name)
            self._write()

    def _start(self, plan: ChildPlan, child: ChildReport) -> ChildReport:
        now = self._clock.now()
        try:
            popen = spawn(plan.argv, Path(plan.log), env={**os.environ, "PYTHONUNBUFFERED": "1"})
        except OSError as error:
            _log.error("%s cannot be started: %s", plan.name, error)
            return ended(replace(child, started_at=now), f"cannot be started: {error}", now)
        self._own[popen.pid] = popen
        process = identify(popen.pid)
        if process is None:
            return ended(replace(child, started_at=now), _ending(popen.wait()), now)
        _log.info("%s is started with pid %d", plan.name, popen.pid)
        return replace(child, process=process, started_at=now)

    def _exit_of(self, child: ChildReport) -> str:
        """How it ended; also reaps it. The exit code of an adopted process went to its parent, not to us."""
        popen = self._own.get(child.process.pid) if child.process is not None else None
        code = popen.poll() if popen is not None else None
        if popen is None or code is None:
            return "exit code unknown"
        del self._own[popen.pid]
        return _ending(code)

    def _write(self) -> None:
        own = identify(os.getpid())
        assert own is not None
        report = Report(supervisor=own, children=[self._children[child.name] for child in self._plan.children])
        if report != self._written:
            self._folder.write(report)
            self._written = report


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _answers(address: str) -> bool:
    """Whether something accepts connections there."""
    family = socket.AF_UNIX if address.startswith("unix://") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        host, _, port = address.rpartition(":")
        try:
            probe.connect(
                address.removeprefix("unix://") if family == socket.AF_UNIX else (host.strip("[]"), int(port))
            )
        except OSError:
            return False
    return True


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    folder = StateFolder(Path(arguments[0]))
    stop_asked = threading.Event()
    heed((signal.SIGTERM, signal.SIGINT), lambda _: stop_asked.set())
    with folder.locked("supervisor"):
        plan = folder.plan()
        if plan is None:
            _log.error("there is no plan in %s: start with `taskyard up`", folder.path)
            return 1
        Supervisor(folder, plan, SystemClock()).run(stop_asked)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
