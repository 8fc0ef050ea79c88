"""A store whose watches are in the test's hands: what they deliver, in which order, how often, or never."""

from __future__ import annotations

from collections import deque

from taskyard.clock import Clock
from taskyard.store.api import Watch, WatchBatch
from taskyard.store.memory import MemoryStore


class ScriptedStore(MemoryStore):
    """Every watch of it delivers what is put in `deliveries`, and nothing else."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.deliveries: deque[WatchBatch] = deque()

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        del prefix, start_revision
        return _ScriptedWatch(self.deliveries)


class _ScriptedWatch(Watch):
    def __init__(self, deliveries: deque[WatchBatch]) -> None:
        self._deliveries = deliveries

    def poll(self, timeout: float) -> WatchBatch | None:
        del timeout
        return self._deliveries.popleft() if self._deliveries else None

    def close(self) -> None:
        """Nothing is held."""
