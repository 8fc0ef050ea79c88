"""`taskyard up` in the foreground: reports what ends and starts again, until Ctrl-C stops all but the containers."""

from __future__ import annotations

import signal
import time

from taskyard.local.down import our_containers, stop_processes
from taskyard.local.errors import LocalError
from taskyard.local.readiness import log_of
from taskyard.local.state import ChildReport, Settings, StateFolder
from taskyard.local.steps import Steps

_EVERY = 0.3


_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_at_every_ending() -> None:
    """A terminal that is closed, and a kill, stop everything as Ctrl-C does: with KeyboardInterrupt."""
    for number in _ENDINGS:
        signal.signal(number, signal.default_int_handler)


def stay(folder: StateFolder, steps: Steps) -> None:
    """Until KeyboardInterrupt; returns when `taskyard down` has stopped everything meanwhile."""
    known = _children(folder)
    while True:
        time.sleep(_EVERY)
        now = _children(folder)
        for line in news(known, now):
            steps.say(line)
        known = now
        if folder.supervisor() is None:
            if _taken_down(folder):
                steps.say("everything was stopped by `taskyard down`")
                return
            raise LocalError(
                "the supervisor has ended; `taskyard up` starts it again", log=log_of(folder, "supervisor")
            )


def stop_all(folder: StateFolder, settings: Settings | None, steps: Steps, down: str) -> None:
    """All but the containers; `down` is the command that removes those. Cannot be interrupted again."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    steps.console.print()
    with folder.locked("up"):
        stop_processes(folder, steps)
    containers = [one for one in our_containers(settings) if one.state == "running"] if settings is not None else []
    if containers:
        count = "1 container keeps" if len(containers) == 1 else f"{len(containers)} containers keep"
        engine = ", with the Docker Engine that we started" if settings is not None and settings.own_docker else ""
        steps.say(f"{count} running{engine}; to remove what is left: {down}")
    elif settings is not None and settings.own_docker:
        steps.say(f"the Docker Engine keeps running; this stops it: {down}")


def _taken_down(folder: StateFolder) -> bool:
    """Whether a `down` has cleared the folder, once it has finished with it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with folder.locked("up"):
                return folder.settings() is None
        except LocalError:
            time.sleep(_EVERY)
    return False


def news(before: dict[str, ChildReport], now: dict[str, ChildReport]) -> list[str]:
    """A line for each child that ended, or runs again, between two reports."""
    lines: list[str] = []
    for name, child in now.items():
        earlier = before.get(name, ChildReport(name=name))
        if child.restarts > earlier.restarts:
            lines.append(f"{name} ended ({child.last_exit}) and is started again")
        if child.process is not None and child.process != earlier.process:
            lines.append(f"{name} runs again (pid {child.process.pid})")
    return lines


def _children(folder: StateFolder) -> dict[str, ChildReport]:
    report = folder.report()
    return {child.name: child for child in report.children} if report is not None else {}
