"""A bounded memory of the latest changes, from which any number of watches read at their own pace.

A watch is only a position in it, so a slow client costs nothing: once what it has not read yet is dropped, it is told
to list again. One thread (the informer's) appends, any thread reads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

CAPACITY = 4096
"""Changes kept; at about 2 KiB each this bounds the memory to 8 MiB."""


class TooOld(Exception):
    """What was asked for is not remembered (any more): list again."""


class Update(msgspec.Struct, Generic[T], frozen=True):
    """One object before and after; None: not there. `resume` is the revision to go on from once this was read.

    It is one less than `revision` while more updates of the same revision follow, so that a watch which breaks
    between them loses none.
    """

    revision: int
    before: T | None
    after: T | None
    resume: int = 0


class Feed(Generic[T]):
    """Positions count updates from the start; `floor` is the oldest revision that can be resumed from."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._updates: deque[Update[T]] = deque(maxlen=capacity)
        self._end = 0
        self._floor = 0
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], None]] = set()

    def restart(self, revision: int) -> None:
        """Forgets everything: what is known begins at `revision`. Watches that were behind are told to list again."""
        with self._lock:
            self._updates.clear()
            self._end += 1
            self._floor = revision
        self._wake()

    def append(self, updates: Sequence[Update[T]]) -> None:
        """`updates` are in the order of their revisions; their `resume` is set here."""
        with self._lock:
            for index, update in enumerate(updates):
                last = index + 1 == len(updates) or updates[index + 1].revision > update.revision
                if len(self._updates) == self._updates.maxlen:
                    self._floor = self._updates[0].revision
                resume = update.revision if last else update.revision - 1
                self._updates.append(Update(update.revision, update.before, update.after, resume))
            self._end += len(updates)
        self._wake()

    def position(self, revision: int) -> int:
        """Where to read on for someone who has seen everything up to `revision`. Raises TooOld."""
        with self._lock:
            if revision < self._floor:
                raise TooOld(f"changes since revision {revision} are not remembered any more, only since {self._floor}")
            unseen = sum(1 for update in self._updates if update.revision > revision)
            return self._end - unseen

    def read(self, position: int, limit: int = 256) -> tuple[list[Update[T]], int]:
        """The next updates and the position after them; none when there is nothing new. Raises TooOld."""
        with self._lock:
            start = position - (self._end - len(self._updates))
            if start < 0:
                raise TooOld("the client reads more slowly than things change: what comes next was dropped")
            count = min(limit, len(self._updates) - start)
            return [self._updates[start + offset] for offset in range(count)], position + count

    def listen(self, callback: Callable[[], None]) -> None:
        """`callback` is called, from any thread, whenever there may be something to read."""
        with self._lock:
            self._listeners.add(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.discard(callback)

    @property
    def end(self) -> int:
        """The position after everything that is known."""
        return self._end

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def _wake(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
