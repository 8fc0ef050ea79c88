"""Which stretch of history: from and to as revisions or moments.

A moment is held against the time that bindings carry, which is closer than the marks that tie revisions to times.
"""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.past import BadMoment, earliest, moment_of
from taskyard import keys
from taskyard.store.api import Store


@dataclass(frozen=True, slots=True)
class Span:
    """Transactions `first` to `last`; of these, decisions from `since` to `until` (seconds; 0: no bound)."""

    first: int
    last: int
    since: float = 0.0
    until: float = 0.0


def span_of(store: Store, start: str, end: str) -> Span:
    """Raises BadMoment when that stretch is not (or no longer) in the store."""
    begin, finish = moment_of(start, "from"), moment_of(end, "to")
    now, oldest = store.list(keys.LEADERS).revision, earliest(store)
    first, last = begin.revision or oldest + 1, finish.revision or now
    if first <= oldest:
        raise BadMoment(
            f"history goes back to revision {oldest}: the state before revision {first} was compacted."
            f" Begin at {oldest + 1} or later; etcd keeps what nobody compacts (--auto-compaction-retention)"
        )
    if last > now:
        raise BadMoment(f"revision {last} is in the future: the store is at {now}")
    if first > last or (begin.seconds and finish.seconds and begin.seconds > finish.seconds):
        raise BadMoment(f"it ends before it begins: from {start or first} to {end or last}")
    return Span(first, last, begin.seconds, finish.seconds)
