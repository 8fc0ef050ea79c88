"""Writes task statuses to the store, compared with their assignment, our registration and the status before.

While the store is away statuses stay in the agent's memory and are written once it is back. Called by agent.py.
"""

from __future__ import annotations

from nodeagent.memory import TaskMemory, note_written
from nodeagent.standing import Standing
from taskyard import keys
from taskyard.clock import Clock
from taskyard.objects import TaskStatus, encode
from taskyard.store.api import Put, Store, StoreUnavailable, unchanged, unchanged_since

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 1.0


class StoreWeather:
    """Whether it makes sense to call the store now: after a failure not before a pause, that doubles with each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause = 0.0
        self._until = 0.0

    def fair(self) -> bool:
        return self._clock.monotonic() >= self._until

    def failed(self) -> None:
        if self.fair():
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._until = self._clock.monotonic() + self._pause

    def left(self) -> float:
        """Seconds until it is fair again."""
        return max(self._until - self._clock.monotonic(), 0.0)

    def worked(self) -> None:
        self._pause = self._until = 0.0


class Publisher:
    def __init__(self, node: str, store: Store, standing: Standing) -> None:
        self._node = node
        self._store = store
        self._standing = standing

    def publish(self, memory: TaskMemory, status: TaskStatus) -> bool:
        """False when what the status rests on has changed: read again, decide again. Raises StoreUnavailable."""
        fence = self._standing.fence()
        if fence is None:
            raise StoreUnavailable("the node is not registered")
        if memory.entry is None:
            return False
        key = keys.status(self._node, memory.uid)
        # The last compare keeps out an earlier write of ours that was given up for lost and arrives after this one.
        compares = [unchanged(memory.entry), fence, unchanged_since(key, memory.written_revision)]
        commit = self._store.commit(compares, [Put(key, encode(status))])
        if commit.succeeded:
            memory.written, memory.written_revision = status, commit.revision
        else:
            note_written(memory, commit.current[key])
        return commit.succeeded
