"""What the results of a container's checks so far mean, and which check is due. Pure; called by checker.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from nodeagent.runtime.port import ContainerInfo
from taskyard.objects import Check, Checks
from taskyard.quantity import seconds


@dataclass(frozen=True, slots=True)
class CheckState:
    """`due` in monotonic seconds. `passing` None: neither enough successes nor enough failures yet."""

    due: float
    passing: bool | None = None
    successes: int = 0
    failures: int = 0
    reason: str = ""
    """Of the last failure."""


class Verdict(msgspec.Struct, frozen=True):
    ready: bool = True
    unready: str = ""
    """Why it is not ready."""
    failed: str = ""
    """Why it has to be restarted."""
    due: float | None = None
    """When the next check is, in monotonic seconds; None when none is to come."""


NO_CHECKS = Verdict()


@dataclass(frozen=True, slots=True)
class Asked:
    """A container of a task whose checks are to be made. `was_ready`: an agent before this one found it so."""

    step: int
    container: ContainerInfo
    checks: Checks
    was_ready: bool


def named(checks: Checks) -> dict[str, Check]:
    found = {"startup": checks.startup, "liveness": checks.liveness, "readiness": checks.readiness}
    return {name: check for name, check in found.items() if check is not None}


def begin(checks: Checks, now: float, *, was_ready: bool) -> dict[str, CheckState]:
    """`was_ready`: an agent before this one found it up and ready."""
    return {
        name: CheckState(now + seconds(check.delay), passing=True if was_ready else None)
        for name, check in named(checks).items()
    }


def active(states: Mapping[str, CheckState]) -> list[str]:
    """Those that are asked now: start-up alone until it has passed, and never again after that."""
    if "startup" in states and not states["startup"].passing:
        return ["startup"]
    return [name for name in states if name != "startup"]


def after(check: Check, state: CheckState, failure: str, now: float) -> CheckState:
    """`failure` empty: it passed."""
    successes, failures = (0, state.failures + 1) if failure else (state.successes + 1, 0)
    passing = state.passing
    if successes >= check.successes:
        passing = True
    elif failures >= check.failures:
        passing = False
    return CheckState(now + seconds(check.interval), passing, successes, failures, failure or state.reason)


def judge(states: Mapping[str, CheckState]) -> Verdict:
    asked = active(states)
    failed = next((name for name in asked if name != "readiness" and states[name].passing is False), "")
    waiting = next((name for name in states if name != "liveness" and not states[name].passing), "")
    return Verdict(
        ready=not waiting and not failed,
        unready=_why(waiting, states[waiting]) if waiting else "",
        failed=_why(failed, states[failed]) if failed else "",
        due=min((states[name].due for name in asked), default=None),
    )


def _why(name: str, state: CheckState) -> str:
    """Without numbers that grow: the same words as long as nothing changes."""
    return f"its {name} check fails: {state.reason}" if state.passing is False else f"its {name} check has yet to pass"
