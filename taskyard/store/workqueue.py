"""WorkQueue: which keys are to be reconciled, each at most once at a time, some of them later.

The semantics are those of client-go's util/workqueue: a key added while it waits is one piece of work; one added while
it is being worked on comes up again when that is done, and never in two workers. Reconcile loops take keys from it.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Hashable, Iterable
from itertools import count
from typing import Generic, TypeVar

from taskyard.clock import Clock
from taskyard.store.condition import Condition

K = TypeVar("K", bound=Hashable)

_MAX_DOUBLINGS = 62


class WorkQueue(Generic[K]):
    """First in, first out. Delays and backoffs are in seconds on the injected clock."""

    def __init__(self, clock: Clock, *, backoff_initial: float = 0.05, backoff_max: float = 30.0) -> None:
        self._clock = clock
        self._backoff_initial = backoff_initial
        self._backoff_max = backoff_max
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        """To be worked on: waiting, or added while being worked on."""
        self._processing: set[K] = set()
        self._failures: dict[K, int] = {}
        self._due: dict[K, float] = {}
        self._delayed: list[tuple[float, int, K]] = []
        """A heap. An element counts only while `_due` has the same time for its key."""
        self._order = count()
        self._shut_down = False
        self._lock = threading.RLock()
        self._changed = Condition(self._lock)

    def add(self, key: K) -> None:
        with self._lock:
            self._add(key)

    def add_all(self, keys: Iterable[K]) -> None:
        """In this order."""
        with self._lock:
            if sum(map(self._enqueue, keys)):
                self._changed.notify_all()

    def _add(self, key: K) -> None:
        if self._enqueue(key):
            self._changed.notify()

    def _enqueue(self, key: K) -> bool:
        """True when somebody may take it now."""
        if key in self._dirty or self._shut_down:
            return False
        self._dirty.add(key)
        if key in self._processing:
            return False
        self._waiting.append(key)
        return True

    def add_after(self, key: K, delay: float) -> None:
        """Adds it once `delay` seconds have passed; of several delays for one key, the earliest counts."""
        with self._lock:
            if delay <= 0:
                self._add(key)
                return
            due = self._clock.monotonic() + delay
            if self._shut_down or self._due.get(key, due + 1) <= due:
                return
            self._due[key] = due
            heapq.heappush(self._delayed, (due, next(self._order), key))
            self._changed.notify()

    def retry(self, key: K) -> None:
        """Adds it after min(backoff_initial * 2^n, backoff_max), n being its retries since the last `forget`."""
        with self._lock:
            failures = self._failures.get(key, 0)
            self._failures[key] = min(failures + 1, _MAX_DOUBLINGS)
        self.add_after(key, min(self._backoff_initial * 2**failures, self._backoff_max))

    def forget(self, key: K) -> None:
        """It succeeded, or is given up: its backoff starts over."""
        with self._lock:
            self._failures.pop(key, None)

    def failing(self, key: K) -> bool:
        """It was retried and has not succeeded since."""
        with self._lock:
            return key in self._failures

    def get(self, timeout: float) -> K | None:
        """The next key, to be handed back with `done`; None when none came within `timeout`, or after `shut_down`."""
        with self._lock:
            remaining = timeout
            while not self._shut_down:
                self._promote()
                if self._waiting:
                    return self._take()
                if remaining <= 0:
                    return None
                started = self._clock.monotonic()
                due = self._next_due()
                pause = remaining if due is None else min(remaining, max(due - started, 0.001))
                # A wait that ran out took `pause` on any clock, also on one that stands still.
                timed_out = not self._changed.wait(pause)
                remaining -= pause if timed_out else self._clock.monotonic() - started
            return None

    def get_all(self, timeout: float) -> list[K]:
        """Every key that waits; as `get`, it waits for the first of them."""
        with self._lock:
            first = self.get(timeout)
            if first is None:
                return []
            batch = [first, *self._waiting]
            self._waiting.clear()
            self._dirty.difference_update(batch)
            self._processing.update(batch)
            return batch

    def _take(self) -> K:
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def _promote(self) -> None:
        if not self._delayed:
            return
        now = self._clock.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._add(key)

    def done(self, key: K) -> None:
        """The work on it has ended, well or not. If it was added meanwhile, it waits again now."""
        with self._lock:
            self._done(key)

    def done_all(self, keys: Iterable[K]) -> None:
        with self._lock:
            for key in keys:
                self._done(key)

    def _done(self, key: K) -> None:
        if key in self._processing:
            self._processing.discard(key)
            if key in self._dirty and not self._shut_down:
                self._waiting.append(key)
                self._changed.notify()

    def next_due(self) -> float | None:
        """When, on the monotonic clock, the earliest delayed key is due; None without any."""
        with self._lock:
            return self._next_due()

    def _next_due(self) -> float | None:
        while self._delayed and self._due.get(self._delayed[0][2]) != self._delayed[0][0]:
            heapq.heappop(self._delayed)
        return self._delayed[0][0] if self._delayed else None

    def shut_down(self) -> None:
        """Every `get` returns None from now on, also those that wait."""
        with self._lock:
            self._shut_down = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """Keys that `get` would return now."""
        if not self._delayed:
            return len(self._waiting)
        with self._lock:
            self._promote()
            return len(self._waiting)
