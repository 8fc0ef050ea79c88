"""Statuses on their way to the store: those of many tasks in one commit. Used by agent.py.

A status goes at once, unless containers of other tasks are being started or stopped at this moment: then one that
nothing here waits for stays for a moment, so that theirs go with it. A commit, and the news of it in every control
plane, costs more processor time than all that the agent does for a start or a stop besides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from nodeagent.lanes import Lane, Lanes
from nodeagent.memory import TaskMemory
from nodeagent.publisher import MOST_AT_ONCE, Publisher
from taskyard.objects import TaskState, TaskStatus
from taskyard.store.api import StoreError
from taskyard.store.workqueue import WorkQueue

KEY = "outbox"
"""In the agent's queue, among uids: what waits is to go."""
GATHER = 0.1
"""Seconds that a status waits for others at most."""

Finish = Callable[[TaskMemory, Callable[[], None]], None]


class StaleAssignment(StoreError):
    """A compare failed; the cache will catch up, and then the task is decided on anew."""


class Outbox:
    def __init__(self, publisher: Publisher, lanes: Lanes, queue: WorkQueue[str], finish: Finish) -> None:
        """`finish` is called for each status, in a lane, with what raises where it was not written."""
        self._publisher = publisher
        self._lanes = lanes
        self._queue = queue
        self._finish = finish
        self._waiting: deque[tuple[TaskMemory, TaskStatus]] = deque()
        self._at_work: set[str] = set()
        """Uids of tasks of which a container is being started or stopped."""

    def begins(self, uid: str) -> None:
        self._at_work.add(uid)

    def ended(self, uid: str) -> None:
        self._at_work.discard(uid)

    def put(self, memory: TaskMemory, status: TaskStatus) -> None:
        self._waiting.append((memory, status))
        if self._at_work and (status.state is TaskState.RUNNING or status.state.terminal):
            self._queue.add_after(KEY, GATHER)
        else:
            self.flush()

    def flush(self) -> None:
        """All that waits goes, also what a flush before may have taken by the time that it has its turn."""
        self._lanes.submit(Lane.STORE, self._write)

    def _write(self) -> None:
        while self._waiting:
            batch: list[tuple[TaskMemory, TaskStatus]] = []
            with suppress(IndexError):
                while len(batch) < MOST_AT_ONCE:
                    batch.append(self._waiting.popleft())
            self._write_together(batch)

    def _write_together(self, batch: Sequence[tuple[TaskMemory, TaskStatus]]) -> None:
        written: Sequence[bool] = [False] * len(batch)
        failure: Exception | None = None
        try:
            written = self._publisher.publish_all(batch)
        except Exception as error:
            failure = error
        for (memory, _), done in zip(batch, written, strict=True):
            self._finish(memory, partial(_outcome, done, failure))


def _outcome(done: bool, failure: Exception | None) -> None:
    if failure is not None:
        raise failure
    if not done:
        raise StaleAssignment("the assignment or the registration has changed; its status is written anew")
