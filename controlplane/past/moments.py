"""What people write for a moment, and how far back the store's history goes."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.past.marks import first_mark, last_mark_before, mark_at
from taskyard import keys
from taskyard.clock import parse_timestamp, timestamp
from taskyard.store.api import Compacted, Store


class BadMoment(ValueError):
    """The message says what is wrong with it, and what there is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A revision, or seconds since the epoch; neither: nothing was said."""

    revision: int = 0
    seconds: float = 0.0


def moment_of(text: str, what: str) -> Moment:
    """`1042`, or an RFC 3339 moment. Raises BadMoment."""
    if not text:
        return Moment()
    if text.isascii() and text.isdigit() and len(text) < 19:
        return Moment(revision=int(text))
    try:
        return Moment(seconds=parse_timestamp(text))
    except ValueError:
        raise BadMoment(f"{what}={text!r} is neither a revision nor a moment like 2026-11-22T20:57:48Z") from None


def earliest(store: Store) -> int:
    """The first revision whose state can still be read: what came before was compacted."""
    try:
        store.get(keys.MARK, revision=1)
    except Compacted as gone:
        return gone.revision
    return 1


def revision_at(store: Store, text: str, what: str) -> int:
    """The revision that was current then: exact for a revision, the last mark before it for a time, and the
    beginning for one from before a history of which nothing is gone. Raises BadMoment for one of which nothing
    is known."""
    moment = moment_of(text, what)
    oldest, now = earliest(store), store.list(keys.LEADERS).revision
    if moment.seconds:
        return _revision_before(store, moment.seconds, oldest, now)
    if moment.revision > now:
        raise BadMoment(f"revision {moment.revision} is in the future: the store is at {now}")
    if moment.revision < oldest:
        raise BadMoment(f"history goes back to revision {oldest}: what was before revision {oldest} is gone")
    return moment.revision


def _revision_before(store: Store, seconds: float, oldest: int, now: int) -> int:
    mark = last_mark_before(store, seconds, oldest, now)
    if mark is not None:
        return mark.revision
    if mark_at(store, now) is None:
        raise BadMoment(
            "no moment is known of this store's history: controllers note what time it is, and none has so far;"
            f" name a revision from {oldest} to {now}"
        )
    if oldest == 1:
        return 1  # Of the whole history nothing is gone, so that it had not begun by then.
    first = first_mark(store, oldest, now)
    known = f", {timestamp(first.seconds)}," if first else ""
    raise BadMoment(
        f"history goes back to revision {oldest}, and the first moment known of it{known} is later than"
        f" {timestamp(seconds)}; name a later moment, or a revision from {oldest} to {now}"
    )
