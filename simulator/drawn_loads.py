"""What tasks use and tell: nobody foresees it at first, and it stays as it is later, so that all can settle."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from nodeagent.metrics.fetch import Unreadable
from nodeagent.metrics.scraper import Told
from simulator.drawn_services import METRIC
from taskyard.objects import TaskUsage

_LAST = 4
"""The period from which on loads stay as they are."""


def usage(uid: str, now: float, told: Told) -> TaskUsage:
    """`now`: in seconds since the start of the run."""
    return TaskUsage(cpu_millis=_load(uid, _period(now)), metrics=dict(told.values), unread=dict(told.unread))


def told_on(node: str, now: float) -> str:
    """What a task answers that is asked for its metrics: the same from all on a node, as their addresses are one in the
    fake runtime. Raises Unreadable."""
    period = _period(now)
    told = Random(f"{node}/{period}/told")
    if told.random() < 0.2 and period < _LAST:
        raise Unreadable("connection refused")
    return f"{METRIC} {told.choice((0, 5, 19, 40, 60))}\n"


def _period(now: float) -> int:
    return min(int(now / 15), _LAST)


@lru_cache(maxsize=4096)
def _load(uid: str, period: int) -> int:
    """Millicores."""
    return Random(f"{uid}/{period}").choice((0, 0, 5, 60, 100))
