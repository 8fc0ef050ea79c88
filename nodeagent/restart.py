"""Whether an ended attempt is followed by another, and when. Pure; called by progress.py.

The wait before restart n is min(initial * 2^(n-1), max), as in Kubernetes; a run of at least `reset` starts over at 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from taskyard.objects import Backoff, Restart
from taskyard.quantity import seconds

_MAX_EXPONENT = 40
"""Doubling further than this only overflows: 2^40 s are 34,000 years."""


@dataclass(frozen=True, slots=True)
class Again:
    """The next attempt is due `wait` seconds after the end of the last; `step` is to be remembered until then."""

    wait: float
    step: int


@dataclass(frozen=True, slots=True)
class Final:
    exhausted: bool
    """There were as many restarts as the task allows."""


def after_exit(restart: Restart, *, succeeded: bool, ran: float, restarts: int, step: int) -> Again | Final:
    """`ran` in seconds; `restarts` so far; `step` as remembered from the restart before."""
    if restart.policy == "never" or (restart.policy == "on-failure" and succeeded):
        return Final(exhausted=False)
    if restart.max_restarts is not None and restarts >= restart.max_restarts:
        return Final(exhausted=True)
    next_step = 1 if ran >= seconds(restart.backoff.reset) else step + 1
    return Again(wait_before(restart.backoff, next_step), next_step)


def wait_before(backoff: Backoff, step: int) -> float:
    """Seconds; step 0 does not wait."""
    if step <= 0:
        return 0.0
    return min(seconds(backoff.initial) * 2.0 ** min(step - 1, _MAX_EXPONENT), seconds(backoff.max))
