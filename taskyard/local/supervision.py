"""What to do about a child process, decided from what is known of it: pure. The supervisor carries it out."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from taskyard.local.state import ChildReport

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
HEALTHY_AFTER = 30.0
"""Seconds that a child must have run for its earlier ends to be forgotten."""

Action = Literal["nothing", "start"]


def wait_before(failures: int) -> float:
    """Seconds before the start that follows this many ends in a row: 0.5, 1, 2, … 30."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, failures - 1)))


def next_step(child: ChildReport, *, alive: bool, exit: str, now: float) -> tuple[ChildReport, Action]:
    """`alive`: whether `child.process` runs; `exit`: how it ended, as far as one can know."""
    if child.process is not None and alive:
        settled = child.failures and now - child.started_at >= HEALTHY_AFTER
        return (replace(child, failures=0) if settled else child), "nothing"
    if child.process is not None:
        return ended(child, exit, now), "nothing"
    return child, "start" if now >= child.next_start else "nothing"


def ended(child: ChildReport, exit: str, now: float) -> ChildReport:
    """What is known of it once it has ended, or could not be started at all."""
    failures = 1 if now - child.started_at >= HEALTHY_AFTER else child.failures + 1
    return replace(
        child,
        process=None,
        failures=failures,
        restarts=child.restarts + 1,
        next_start=now + wait_before(failures),
        last_exit=exit,
    )
