"""`taskyard up` in the foreground: reports what ends and starts again, until Ctrl-C stops all but the containers."""

from __future__ import annotations

import signal
import threading

from taskyard.local.down import our_containers, stop_processes
from taskyard.local.errors import LocalError
from taskyard.local.readiness import log_of
from taskyard.local.state import ChildReport, Settings, StateFolder
from taskyard.local.steps import Steps

_EVERY = 0.3


def stay(folder: StateFolder, settings: Settings, steps: Steps, down: str) -> None:
    """Returns once everything is stopped. `down` is the command that removes the containers."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.set())
    known = _children(folder)
    while not asked.wait(_EVERY):
        now = _children(folder)
        for line in news(known, now):
            steps.say(line)
        known = now
        if folder.supervisor() is None:
            if folder.settings() is None:
                steps.say("everything was stopped by `taskyard down`")
                return
            raise LocalError(
                "the supervisor has ended; `taskyard up` starts it again", log=log_of(folder, "supervisor")
            )
    steps.console.print()
    stop_all(folder, settings, steps, down)


def stop_all(folder: StateFolder, settings: Settings | None, steps: Steps, down: str) -> None:
    with folder.locked("up"):
        stop_processes(folder, steps)
    containers = [one for one in our_containers(settings) if one.state == "running"] if settings is not None else []
    if containers:
        engine = ", and the Docker Engine that holds them" if settings is not None and settings.own_docker else ""
        steps.say(f"{len(containers)} containers keep running{engine}; this removes them: {down}")
    elif settings is not None and settings.own_docker:
        steps.say(f"the Docker Engine keeps running; this stops it: {down}")


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
