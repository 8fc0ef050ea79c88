"""Which of what has finished is deleted now, and when the next of it is due. Pure.

Two rules for what says nothing itself: so long after it has finished, or earlier once its namespace has more of them
than are kept. What a folder or another source declares is never deleted: its declaration would make it anew, and a task
that was to run once would run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from taskyard.keys import ObjectKey
from taskyard.objects import Job, Task, key_of
from taskyard.quantity import format_duration
from taskyard.store.api import Compare, Entry

YOUNGEST = 600.0
"""Seconds for which what has finished is kept, however many there are, so that whoever waits for it sees how it ended.
For as long it has to be seen as finished before it goes, however old it is by a clock that may be wrong."""
_SOON = 0.05
"""Seconds: what is due is looked at again once it surely is."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept in a namespace of what says nothing itself; None: for ever, and any number."""

    seconds: float | None = None
    most: int | None = None
    youngest: float = YOUNGEST
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that nobody else made, or such a job, that has ended for good."""

    value: Task | Job
    entry: Entry
    since: int
    """The revision that says so."""
    at: float
    """Seconds since the epoch."""
    ttl: float | None
    """What it says itself: then nothing else decides."""
    rests_on: tuple[Compare, ...]
    """By which it is known that it has ended."""
    loses_data: bool = False
    """A volume goes with it: that has to have been asked for."""

    @property
    def key(self) -> ObjectKey:
        return key_of(self.value)


@dataclass(frozen=True, slots=True)
class Collected:
    ended: Ended
    why: str


@dataclass(slots=True)
class Decision:
    collects: list[Collected] = field(default_factory=list)
    again_in: float | None = None
    """Seconds until time alone makes a difference."""
    more: bool = False
    """There was more to collect than goes at once."""


def decide(
    finished: Iterable[Ended],
    keep: Callable[[str], Keep],
    is_needed: Callable[[ObjectKey], bool],
    seen: Mapping[str, float],
    now: float,
    most: int,
) -> Decision:
    """`keep`: of a namespace. `is_needed`: somebody waits for it by name. `seen`: seconds for which this leader has
    seen each so, by key in the store. At most `most` go, the oldest first."""
    by_namespace: dict[str, list[Ended]] = {}
    for each in finished:
        if not each.value.metadata.source and not is_needed(each.key):
            by_namespace.setdefault(each.key.namespace, []).append(each)
    due: list[Collected] = []
    decision = Decision()
    for namespace, here in by_namespace.items():
        kept = keep(namespace)
        for each, rules in _rules(sorted(here, key=_age, reverse=True), kept):
            left, why = min(
                (max(each.at + ttl - now, min(ttl, kept.youngest) - seen[each.entry.key]), why) for ttl, why in rules
            )
            if left <= 0:
                due.append(Collected(each, why))
            elif decision.again_in is None or left + _SOON < decision.again_in:
                decision.again_in = left + _SOON
    due.sort(key=lambda each: _age(each.ended))
    decision.collects, decision.more = due[:most], len(due) > most
    return decision


def _rules(newest_first: Sequence[Ended], keep: Keep) -> Iterator[tuple[Ended, list[tuple[float, str]]]]:
    """What goes, and after how many seconds, and why, the first that is over."""
    number = 0
    for each in newest_first:
        if each.ttl is not None:
            yield each, [(each.ttl, f"its ttlAfterFinish is {format_duration(each.ttl)}")]
        elif not each.loses_data:
            number += 1
            rules = []
            if keep.most is not None and number > keep.most:
                rules.append((keep.youngest, f"{keep.most} that finished later are kept in its namespace"))
            if keep.seconds is not None:
                rules.append((keep.seconds, f"what has finished is kept for {format_duration(keep.seconds)}"))
            if rules:
                yield each, rules


def _age(each: Ended) -> tuple[float, ObjectKey]:
    return each.at, each.key
