"""Which statuses wait for others, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from nodeagent.lanes import InlineLanes
from nodeagent.memory import TaskMemory
from nodeagent.outbox import GATHER, KEY, Outbox, StaleAssignment
from nodeagent.publisher import MOST_AT_ONCE, Publisher
from taskyard.clock import ManualClock
from taskyard.objects import TaskState, TaskStatus
from taskyard.store.api import StoreUnavailable
from taskyard.store.workqueue import WorkQueue


class Commits(Publisher):
    """Notes what goes together."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.answer: Callable[[str], bool] = lambda _: True

    def publish_all(self, batch: Sequence[tuple[TaskMemory, TaskStatus]]) -> list[bool]:
        self.made.append([memory.uid for memory, _ in batch])
        return [self.answer(memory.uid) for memory, _ in batch]


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queue: WorkQueue[str] = WorkQueue(self.clock)
        self.commits = Commits()
        self.outcomes: dict[str, str] = {}
        self.outbox = Outbox(self.commits, InlineLanes(), self.queue, self._finish)

    def _finish(self, memory: TaskMemory, outcome: Callable[[], None]) -> None:
        try:
            outcome()
        except Exception as error:
            self.outcomes[memory.uid] = type(error).__name__
        else:
            self.outcomes[memory.uid] = "written"

    def put(self, uid: str, state: TaskState) -> None:
        status = TaskStatus(uid=uid, namespace="default", name=uid, epoch=1, attempt=1, state=state)
        self.outbox.put(TaskMemory(uid), status)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("state", [TaskState.STARTING, TaskState.RUNNING, TaskState.COMPLETED, TaskState.FAILED])
def test_a_status_goes_at_once_where_nothing_else_goes_on(bench: Bench, state: TaskState) -> None:
    bench.outbox.begins("a")
    bench.outbox.ended("a")
    bench.put("a", state)
    assert bench.commits.made == [["a"]]
    assert bench.outcomes == {"a": "written"}


def test_what_nothing_waits_for_goes_with_that_of_others(bench: Bench) -> None:
    bench.outbox.begins("c")
    bench.put("a", TaskState.RUNNING)
    bench.put("b", TaskState.COMPLETED)
    assert bench.commits.made == []
    bench.outbox.ended("c")
    bench.put("c", TaskState.RUNNING)
    assert bench.commits.made == [["a", "b", "c"]]


def test_it_waits_no_longer_than_a_moment(bench: Bench) -> None:
    bench.outbox.begins("slow")
    bench.put("a", TaskState.RUNNING)
    bench.clock.advance(GATHER / 2)
    bench.put("b", TaskState.RUNNING)
    assert bench.queue.get(0) is None
    bench.clock.advance(GATHER / 2)
    assert bench.queue.get(0) == KEY
    bench.outbox.flush()
    assert bench.commits.made == [["a", "b"]]


def test_what_a_start_waits_for_never_waits(bench: Bench) -> None:
    bench.outbox.begins("slow")
    bench.put("a", TaskState.RUNNING)
    bench.put("b", TaskState.STARTING)
    assert bench.commits.made == [["a", "b"]]


def test_many_go_in_commits_of_a_bounded_size(bench: Bench) -> None:
    bench.outbox.begins("slow")
    uids = [f"t{number}" for number in range(MOST_AT_ONCE + 5)]
    for uid in uids:
        bench.put(uid, TaskState.COMPLETED)
    bench.outbox.flush()
    assert bench.commits.made == [uids[:MOST_AT_ONCE], uids[MOST_AT_ONCE:]]


def test_each_hears_what_became_of_its_own(bench: Bench) -> None:
    bench.commits.answer = lambda uid: uid != "b"
    bench.outbox.begins("slow")
    bench.put("a", TaskState.RUNNING)
    bench.put("b", TaskState.RUNNING)
    bench.outbox.flush()
    assert bench.outcomes == {"a": "written", "b": StaleAssignment.__name__}


def test_a_failure_is_everybodys(bench: Bench) -> None:
    def away(_: str) -> bool:
        raise StoreUnavailable("away")

    bench.commits.answer = away
    bench.put("a", TaskState.RUNNING)
    assert bench.outcomes == {"a": StoreUnavailable.__name__}
