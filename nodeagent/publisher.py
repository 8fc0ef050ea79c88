"""Writes task statuses to the store, compared with their assignment, our registration and the status before; with the
last one of a job's task how it ended.

Those of many tasks that wait at one time go in one commit. While the store is away statuses stay in the agent's memory
and are written once it is back. Called by agent.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from nodeagent.memory import TaskMemory, note_written
from nodeagent.standing import Standing
from taskyard import keys
from taskyard.clock import Clock
from taskyard.objects import Result, TaskState, TaskStatus, encode
from taskyard.objects.status import STOPPED
from taskyard.store.api import Compare, Entry, Put, Store, StoreUnavailable, absent, unchanged, unchanged_since

MOST_AT_ONCE = 32
"""Statuses in one commit, which waits for its slowest."""
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

    def publish_all(self, batch: Sequence[tuple[TaskMemory, TaskStatus]]) -> list[bool]:
        """For each as `publish`; in one commit if they are several and nothing that one rests on has changed."""
        if len(batch) > 1 and self._together(batch):
            return [True] * len(batch)
        return [self.publish(memory, status) for memory, status in batch]

    def _together(self, batch: Sequence[tuple[TaskMemory, TaskStatus]]) -> bool:
        """False when nothing was written."""
        compares, puts = [self._fence()], []
        for memory, status in batch:
            if memory.entry is None:
                return False
            compares += self._rests_on(memory, memory.entry)
            puts.append(Put(keys.status(self._node, memory.uid), encode(status)))
            if result := self._result(memory, status):
                compares.append(absent(result.key))
                puts.append(result)
        commit = self._store.commit(compares, puts)
        if commit.succeeded:
            for memory, status in batch:
                memory.written, memory.written_revision = status, commit.revision
        return commit.succeeded

    def _fence(self) -> Compare:
        fence = self._standing.fence()
        if fence is None:
            raise StoreUnavailable("the node is not registered")
        return fence

    def _rests_on(self, memory: TaskMemory, entry: Entry) -> tuple[Compare, Compare]:
        # The second keeps out an earlier write of ours that was given up for lost and arrives after this one.
        key = keys.status(self._node, memory.uid)
        return unchanged(entry), unchanged_since(key, memory.written_revision)

    def publish(self, memory: TaskMemory, status: TaskStatus) -> bool:
        """False when what the status rests on has changed: read again, decide again. Raises StoreUnavailable."""
        fence = self._fence()
        if memory.entry is None:
            return False
        key = keys.status(self._node, memory.uid)
        compares = [fence, *self._rests_on(memory, memory.entry)]
        put, result = Put(key, encode(status)), self._result(memory, status)
        if result is None:
            commit = self._store.commit(compares, [put])
        else:
            commit = self._store.commit([*compares, absent(result.key)], [put, result])
            if commit.current.get(result.key) is not None:
                commit = self._store.commit(compares, [put])  # What it did before stands, whatever it does now.
        if commit.succeeded:
            memory.written, memory.written_revision = status, commit.revision
        else:
            note_written(memory, commit.current[key])
        return commit.succeeded

    def _result(self, memory: TaskMemory, status: TaskStatus) -> Put | None:
        """How a job's task ended, by itself; to be recorded once, and with its last status or not at all."""
        assignment = memory.assignment
        if assignment is None or not assignment.result_of or not status.state.terminal or status.reason == STOPPED:
            return None
        result = Result(
            uid=status.uid,
            job=assignment.result_of,
            namespace=status.namespace,
            name=status.name,
            epoch=status.epoch,
            succeeded=status.state is TaskState.COMPLETED,
            exit_code=status.exit_code,
            reason=status.reason,
            message=status.message,
            node=self._node,
            started_at=status.started_at,
            finished_at=status.finished_at,
        )
        return Put(keys.result(status.uid), encode(result))
