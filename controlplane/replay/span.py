"""Which stretch of history: from and to as revisions or moments, and how far back the store goes.

A moment is found by the time that bindings carry: the store keeps revisions, not times.
"""

from __future__ import annotations

from dataclasses import dataclass

from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.store.api import Compacted, Store


class BadSpan(ValueError):
    """The message says what is wrong with it, and what there is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A revision, or seconds since the epoch; neither: the beginning, or the end."""

    revision: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """Transactions `first` to `last`; of these, decisions from `since` to `until` (seconds; 0: no bound)."""

    first: int
    last: int
    since: float = 0.0
    until: float = 0.0


def moment_of(text: str, what: str) -> Moment:
    """`1042`, or an RFC 3339 moment. Raises BadSpan."""
    if not text:
        return Moment()
    if text.isascii() and text.isdigit() and len(text) < 20:
        return Moment(revision=int(text))
    try:
        return Moment(seconds=parse_timestamp(text))
    except ValueError:
        raise BadSpan(f"{what}={text!r} is neither a revision nor a moment like 2026-11-22T20:57:48Z") from None


def earliest(store: Store) -> int:
    """The first revision whose state can still be read: what came before was compacted."""
    try:
        store.list(keys.LEADERS, revision=1)
    except Compacted as gone:
        return gone.revision
    return 1


def span_of(store: Store, start: str, end: str) -> Span:
    """Raises BadSpan when that stretch is not (or no longer) in the store."""
    begin, finish = moment_of(start, "from"), moment_of(end, "to")
    now, oldest = store.list(keys.LEADERS).revision, earliest(store)
    first, last = begin.revision or oldest + 1, finish.revision or now
    if first <= oldest:
        raise BadSpan(
            f"history goes back to revision {oldest}: the state before revision {first} was compacted."
            f" Begin at {oldest + 1} or later; etcd keeps what nobody compacts (--auto-compaction-retention)"
        )
    if last > now:
        raise BadSpan(f"revision {last} is in the future: the store is at {now}")
    if first > last or (begin.seconds and finish.seconds and begin.seconds > finish.seconds):
        raise BadSpan(f"it ends before it begins: from {start or first} to {end or last}")
    return Span(first, last, begin.seconds, finish.seconds)
