"""A watch as an unreliable network delivers it: old news told again, news that come late, and news in disorder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from taskyard.clock import Clock
from taskyard.store.api import KeyEvent, Watch, WatchBatch

REPUMP = 30.0
"""Seconds after which a process looks for news that nobody woke it for: whatever brings some wakes it."""
RECONNECT = 5.0
"""Seconds within which it finds out that it can hear again."""
_REMEMBERED = 60
_EARLY = 1e-6
"""Seconds by which a moment counts as reached: the clock that is advanced to it is not exact."""


class Delivery:
    """How one process's watches are served at the moment."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self.clock = clock
        self.random = random
        self.repeats = False
        """Old news come again, in disorder, after newer ones."""
        self.lag = 0.0
        """Seconds: what has happened is told up to so much later, much of it at once and in disorder."""
        self.steady = False
        """Each thing is told just so much later, and in order: of two writes the later one is not known yet."""
        self.awake: Callable[[float], None] = lambda _: None
        """Called with the seconds until something that is late arrives."""

    def heal(self) -> None:
        self.repeats, self.lag = False, 0.0
        self.awake(0.0)


class UnreliableWatch(Watch):
    def __init__(self, delivery: Delivery, inner: Watch) -> None:
        self._delivery = delivery
        self._inner = inner
        self._told: deque[KeyEvent] = deque(maxlen=_REMEMBERED)
        self._held: deque[tuple[float, WatchBatch]] = deque()
        """With when each is due, on the monotonic clock."""

    def poll(self, timeout: float) -> WatchBatch | None:
        delivery = self._delivery
        batch = self._inner.poll(timeout)
        if delivery.lag or self._held:
            batch = self._late(batch)
        if batch is None or not batch.events:
            return batch
        if delivery.repeats and self._told:
            again = delivery.random.sample(self._told, k=min(len(self._told), 12))
            # A deletion's put is what hurts, and a sample of all seldom has it.
            gone = {event.key for event in (*self._told, *batch.events) if event.entry is None}
            again += [event for event in self._told if event.entry is not None and event.key in gone]
            batch = WatchBatch((*batch.events, *again), batch.revision)
        self._told.extend(batch.events)
        return batch

    def _late(self, batch: WatchBatch | None) -> WatchBatch | None:
        """What was held back until now; None while nothing is due."""
        delivery, now = self._delivery, self._delivery.clock.monotonic()
        if batch is not None:
            if delivery.steady or not self._held:
                wait = delivery.lag if delivery.steady else delivery.random.uniform(0.0, delivery.lag)
                delivery.awake(wait)
                due = now + wait
            else:
                due = self._held[-1][0]
            self._held.append((due, batch))
        if not self._held or (delivery.lag and now < self._held[0][0] - _EARLY):
            return None
        if delivery.steady:
            first = self._held.popleft()[1]
            if self._held:
                delivery.awake(max(self._held[0][0] - now, 0.0))
            return first
        held = [one for _, one in self._held]
        self._held.clear()
        events = [event for one in held for event in one.events]
        delivery.random.shuffle(events)
        return WatchBatch(tuple(events), held[-1].revision)

    def close(self) -> None:
        self._inner.close()
