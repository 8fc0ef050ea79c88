"""Which revision was current at a moment, and when a revision was: by a mark that the leader writes over and over.

The mark is one key. Its value says what time it was when it was written, and etcd remembers every version of it for as
long as it remembers anything, so marks need no clearing up. Reading only; keeper.py writes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.objects import BadValue, Mark, decode
from taskyard.store.api import Store


@dataclass(frozen=True, slots=True)
class Marked:
    """`seconds` since the epoch, when `revision` was written."""

    revision: int
    seconds: float


def mark_at(store: Store, revision: int) -> Marked | None:
    """The last mark up to `revision`; None: there is none, or somebody put nonsense there. Raises Compacted."""
    entry = store.get(keys.MARK, revision=revision)
    try:
        return Marked(entry.mod_revision, parse_timestamp(decode(entry.value, Mark).at)) if entry else None
    except (BadValue, ValueError):
        return None


def last_mark_before(store: Store, seconds: float, first: int, last: int) -> Marked | None:
    """The newest mark from revision `first` to `last` that is not after that moment; None: all are after it.

    By bisection, some twenty reads of one key. Raises Compacted.
    """
    found = None
    while first <= last:
        middle = (first + last) // 2
        mark = mark_at(store, middle)
        if mark is not None and mark.seconds > seconds:
            # What came since that mark is later still.
            last = mark.revision - 1
        else:
            found = mark or found
            first = middle + 1
    return found


def first_mark(store: Store, first: int, last: int) -> Marked | None:
    """The oldest mark that can still be read, of those from before `first` the last. Raises Compacted."""
    if mark := mark_at(store, first):
        return mark
    entry = store.get(keys.MARK, revision=last)
    return mark_at(store, entry.create_revision) if entry and entry.create_revision >= first else None
