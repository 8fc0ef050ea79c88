"""History one transaction at a time: a watch that gives a revision's events alone, and tells them before it gives them.

For whoever looks at what was decided, and on what: the state before a transaction is there while its events are told.
"""

from __future__ import annotations

from collections import deque

from taskyard.store.api import KeyEvent, Store, Watch, WatchBatch
from taskyard.store.past import PastStore


class Steps(Watch):
    """Over the watch of a store. Ends, by None, after revision `last`; raises what the watch raises."""

    def __init__(self, watch: Watch, last: int) -> None:
        self._watch = watch
        self._last = last
        self._waiting: deque[WatchBatch] = deque()
        self._seen = 0

    def coming(self, timeout: float) -> tuple[KeyEvent, ...]:
        """The events of the next revision, which the next `poll` gives; none at the end, or when they do not come."""
        while not self._waiting and self._seen < self._last:
            batch = self._watch.poll(timeout)
            if batch is None:
                break
            self._seen = batch.revision
            self._split(batch)
        return self._waiting[0].events if self._waiting else ()

    def _split(self, batch: WatchBatch) -> None:
        revisions = sorted({event.revision for event in batch.events if event.revision <= self._last})
        for revision in revisions:
            events = tuple(event for event in batch.events if event.revision == revision)
            self._waiting.append(WatchBatch(events, revision))

    @property
    def ended(self) -> bool:
        """All up to the last revision was told."""
        return not self._waiting and self._seen >= self._last

    def poll(self, timeout: float) -> WatchBatch | None:
        return self._waiting.popleft() if self.coming(timeout) else None

    def close(self) -> None:
        self._watch.close()


class SteppedStore(PastStore):
    """The store as it was at `first`, going on to `last` one revision at a time. It has one watch."""

    def __init__(self, inner: Store, first: int, last: int, *, leave_out: tuple[str, ...] = ()) -> None:
        super().__init__(inner, first, leave_out=leave_out)
        self._until = last
        self.steps: Steps | None = None

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        self.steps = Steps(self.inner.watch(prefix, start_revision=start_revision), self._until)
        return self.steps
