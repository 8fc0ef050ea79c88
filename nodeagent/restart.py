"""Whether an ended attempt is followed by another, and when. Pure; called by progress.py.

The wait before restart n is min(initial * 2^(n-1), max), as in Kubernetes, less some jitter; a run of at least `reset`
starts over at 1.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from taskyard.objects import Backoff, Restart
from taskyard.quantity import seconds

EARLY = 1e-6
"""Seconds by which a moment counts as reached: the time of day, counted in seconds, is no exacter than that."""
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


def after_exit(
    restart: Restart, *, code: int | None, succeeded: bool, ran: float, restarts: int, step: int, luck: float
) -> Again | Final:
    """`ran` in seconds; `restarts` so far; `step` as remembered from the restart before; `luck` from 0 up to 1."""
    if not _goes_on(restart, code, succeeded=succeeded):
        return Final(exhausted=False)
    if restart.max_restarts is not None and restarts >= restart.max_restarts:
        return Final(exhausted=True)
    next_step = 1 if ran >= seconds(restart.backoff.reset) else step + 1
    return Again(wait_before(restart.backoff, next_step, luck), next_step)


def _goes_on(restart: Restart, code: int | None, *, succeeded: bool) -> bool:
    if code in restart.exit_codes.never:
        return False
    if code in restart.exit_codes.always:
        return True
    return restart.policy == "always" or (restart.policy == "on-failure" and not succeeded)


def luck(uid: str, attempt: int, step: int) -> float:
    """From 0 up to 1: the same whenever it is asked for, and another for each task and attempt."""
    return zlib.crc32(f"{uid}/{attempt}/{step}".encode()) / 2**32


def wait_before(backoff: Backoff, step: int, luck: float = 0.0) -> float:
    """Seconds; step 0 does not wait. Without luck it is the longest."""
    if step <= 0:
        return 0.0
    longest = min(seconds(backoff.initial) * 2.0 ** min(step - 1, _MAX_EXPONENT), seconds(backoff.max))
    return longest * (1.0 - backoff.jitter * luck)
