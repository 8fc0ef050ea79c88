"""The leader's two duties for the past: it notes what time it is, and forgets what is older than was asked for.

`keeping` decides from plain values; `HistoryKeeper` is the thin loop around it. Two leaders at once do no harm: the
mark is compared with the leader's key, and what another has compacted already is left at that. How old a revision is
goes by the time that passes, not by the time of day: a clock that is set forward makes nothing old.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.past.marks import mark_at
from controlplane.past.moments import earliest
from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.objects import Mark, encode
from taskyard.store.api import Compacted, Compare, Put, Store, StoreError
from taskyard.store.elector import NotLeader

_log = logging.getLogger(__name__)

MARK_EVERY = 10.0
"""Seconds; how exact a moment is."""
COMPACT_EVERY = 60.0
_FIRST_LOOK = 0.5
"""Seconds between two looks at whether it leads, until it first did."""
SHORTEST = 600.0
"""Seconds of history that are kept however full the database is: plans, `why` and watches that lag rest on it."""
_SET = 1.0
"""Seconds by which its time of day and the time that passes differ once somebody has set the clock."""
_ROOM_AGAIN = 0.8
"""Of the limit: below it, what is kept may grow again."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`seconds` of history are kept, and less while more than `size` bytes of the database are in use."""

    seconds: float
    size: int


def keeping(wanted: Retention, in_use: int, before: float) -> float:
    """Seconds of history to keep from now on, when it was `before`: half of it while the database is too full, and what
    was wanted again as soon as there is room."""
    if in_use > wanted.size:
        return max(min(before, wanted.seconds) / 2, min(SHORTEST, wanted.seconds))
    if in_use < wanted.size * _ROOM_AGAIN:
        return wanted.seconds
    return before


class Passed:
    """Which revision was current, on the monotonic clock, as far as this process itself has seen: it forgets nothing
    too early, and what was there before it began only once it has run for as long."""

    def __init__(self, longest: float) -> None:
        """`longest`: seconds for which it is kept what was seen."""
        self._longest = longest
        self._seen: list[tuple[float, int]] = []
        """Moments and revisions, both rising."""

    def see(self, revision: int, now: float) -> None:
        if not self._seen or self._seen[-1][1] < revision:
            self._seen.append((now, revision))
        del self._seen[: max(self._place_of(now - self._longest), 0)]

    def current_at(self, moment: float) -> int:
        """0: not known."""
        place = self._place_of(moment)
        return self._seen[place][1] if place >= 0 else 0

    def _place_of(self, moment: float) -> int:
        return bisect_right(self._seen, moment, key=lambda seen: seen[0]) - 1


class HistoryKeeper:
    """`in_use`: bytes of the store's database that hold data. `step` is one round; `run` the thread around it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fence: Callable[[], Compare],
        wanted: Retention,
        in_use: Callable[[], int],
    ) -> None:
        self._store = store
        self._clock = clock
        self._fence = fence
        self._wanted = wanted
        self._in_use = in_use
        self._kept = wanted.seconds
        self._marked = 0
        """The revision of the last mark of this process."""
        self._marked_ahead = 0.0
        """By how much the time of day was ahead of the monotonic clock then."""
        self._compact_at = 0.0
        self._passed = Passed(wanted.seconds)
        self._look_at = 0.0
        """While it does not lead: when it looks next at which revision there is."""

    def step(self) -> None:
        """Marks when anything has changed since the last mark, or the clock was set, which agents compare with theirs;
        and compacts when it is time. Raises StoreError."""
        try:
            fence = self._fence()
        except NotLeader:
            # What it sees pass now it need not wait for once it leads.
            if self._clock.monotonic() >= self._look_at:
                self._look_at = self._clock.monotonic() + MARK_EVERY
                self._see(self._store.list(keys.MARK).revision)
            return
        revision = self._store.list(keys.MARK).revision
        changed = revision != self._marked
        self._see(revision)
        now = self._clock.now()
        ahead = now - self._clock.monotonic()
        if changed or abs(ahead - self._marked_ahead) > _SET:
            mark = Put(keys.MARK, encode(Mark(at=timestamp(now))))
            commit = self._store.commit([fence], [mark])
            if not commit.succeeded:
                return
            self._marked, self._marked_ahead = commit.revision, ahead
            self._see(commit.revision)
        if self._clock.monotonic() >= self._compact_at:
            self._compact_at = self._clock.monotonic() + COMPACT_EVERY
            self._compact()

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(MARK_EVERY if self._marked else _FIRST_LOOK):
            try:
                self.step()
            except StoreError as error:
                _log.warning("history is neither marked nor compacted for now: %s", error)
            except Exception:
                _log.exception("a round of the history keeper failed; it goes on")

    def _see(self, revision: int) -> None:
        self._passed.see(revision, self._clock.monotonic())

    def _compact(self) -> None:
        before, self._kept = self._kept, keeping(self._wanted, self._in_use(), self._kept)
        if self._kept < before:
            _log.warning(
                "more than %d MiB of etcd's database are in use: only %.0f minutes of history are kept for now",
                self._wanted.size >> 20,
                self._kept / 60,
            )
        then = self._passed.current_at(self._clock.monotonic() - self._kept)
        if not then:
            return
        try:
            oldest = earliest(self._store)
            mark = mark_at(self._store, then) if then > oldest else None
            if mark is not None and mark.revision > oldest:
                self._store.compact(mark.revision)
        except Compacted:
            _log.info("another has compacted the store meanwhile")
