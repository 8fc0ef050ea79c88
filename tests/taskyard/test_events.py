from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from taskyard import keys
from taskyard.clock import ManualClock, SystemClock, parse_timestamp
from taskyard.event_pace import APART, AT_ONCE
from taskyard.events import EventRecorder
from taskyard.objects import Event, ObjectRef, decode
from taskyard.similar_events import COMBINED, MOST_DIFFERENT, WITHIN
from taskyard.store.api import Commit, Compare, Operation, Put, RequestRefused
from taskyard.store.faulty import Fault, FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.patience import comes_true

WEB = ObjectRef(kind="Task", name="web", uid="0123456789ab")


class _CountingStore(FaultyStore):
    """Remembers how many keys each commit wrote and how many leases it granted; refuses values with `refused`."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.commits: list[int] = []
        self.leases = 0
        self.refused = ""

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        if self.refused and any(self.refused.encode() in op.value for op in operations if isinstance(op, Put)):
            raise RequestRefused(f"it says {self.refused}")
        commit = super().commit(compares, operations)
        if commit.succeeded:
            self.commits.append(len(operations))
        return commit

    def grant(self, ttl: float) -> int:
        self.leases += 1
        return super().grant(ttl)


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = MemoryStore(self.clock)
        self.store = _CountingStore(self.memory)
        self.recorder = self.restart()

    def restart(self) -> EventRecorder:
        self.recorder = EventRecorder(self.store, self.clock, "scheduler")
        return self.recorder

    def emit(self, message: str = "bound to n1", times: int = 1, *, warning: bool = False) -> None:
        for _ in range(times):
            self.recorder.emit(WEB, "default", "Bound", message, warning=warning)

    def emit_of_many(self, count: int) -> None:
        """An event of each of so many tasks."""
        for number in range(count):
            self.recorder.emit(ObjectRef(kind="Task", name=f"t{number}"), "default", "Bound", f"event {number}")

    def written(self) -> list[Event]:
        return [decode(entry.value, Event) for entry in self.memory.list(keys.EVENTS).entries]

    def counts(self) -> dict[str, int]:
        return {event.message: event.count for event in self.written()}


@pytest.fixture
def world() -> World:
    return World()


def test_an_event_is_written_as_it_was_told(world: World) -> None:
    world.emit(warning=True)
    assert world.written() == []
    world.recorder.flush()
    moment = "2023-11-14T22:13:20.000Z"
    assert world.written() == [
        Event(
            namespace="default",
            about=WEB,
            type="Warning",
            reason="Bound",
            message="bound to n1",
            component="scheduler",
            first_seen=moment,
            last_seen=moment,
        )
    ]
    assert world.memory.get(keys.event("default", "Task", "web", "scheduler", "Bound", "bound to n1")) is not None


def test_the_same_again_is_counted_not_repeated(world: World) -> None:
    world.emit(times=3)
    world.recorder.flush()
    world.clock.advance(60)
    world.emit(times=2)
    world.recorder.flush()
    (event,) = world.written()
    assert event.count == 5
    assert parse_timestamp(event.last_seen) - parse_timestamp(event.first_seen) == 60


@pytest.mark.parametrize("messages", [1, 3], ids=["one event", "three of one object"])
def test_what_is_told_all_the_time_is_written_seldom_and_counted_in_full(world: World, messages: int) -> None:
    ticks = 600
    for _ in range(ticks):
        for number in range(messages):
            world.emit(f"fails {number}")
        world.recorder.flush()
        world.clock.advance(0.5)
    seconds = ticks / 2
    assert sum(world.store.commits) <= messages + AT_ONCE + seconds / APART
    assert sum(world.store.commits) >= messages + seconds / APART
    world.recorder.flush(all_counts=True)
    assert world.counts() == {f"fails {number}": ticks for number in range(messages)}


def test_what_is_new_of_an_object_waits_for_no_count_nor_does_another_object(world: World) -> None:
    for _ in range(20):
        world.emit("fails")
        world.recorder.flush()
    written = sum(world.store.commits)
    world.emit("fails")
    world.emit("runs")
    world.recorder.emit(ObjectRef(kind="Task", name="db", uid="1"), "default", "Bound", "fails")
    world.recorder.flush()
    assert sum(world.store.commits) == written + 2
    assert "runs" in world.counts()


def test_without_news_nothing_is_asked_of_the_store(world: World) -> None:
    world.store.down = True
    world.recorder.flush()
    world.store.down = False
    world.emit()
    for _ in range(3):
        world.recorder.flush()
    assert world.store.commits == [1]


def test_it_is_told_when_there_is_something_to_write() -> None:
    told: list[bool] = []
    clock = ManualClock()
    recorder = EventRecorder(MemoryStore(clock), clock, "scheduler", lambda: told.append(recorder.waiting))
    assert not recorder.waiting
    recorder.emit(WEB, "default", "Bound", "bound to n1")
    assert told == [True]
    recorder.flush()
    assert not recorder.waiting


def test_counting_goes_on_after_a_restart(world: World) -> None:
    world.emit(times=3)
    world.recorder.flush()
    first_seen = world.written()[0].first_seen
    world.restart()
    world.clock.advance(60)
    world.emit()
    world.recorder.flush()
    (event,) = world.written()
    assert (event.count, event.first_seen) == (4, first_seen)


@pytest.mark.parametrize("where", ["as remembered", "as read", "unwritten", "put back"])
def test_of_another_object_of_the_same_name_it_starts_over(world: World, where: str) -> None:
    world.store.down = where == "put back"
    world.emit(times=3)
    if where != "unwritten":
        world.recorder.flush()
    if where == "as read":
        world.restart()
    world.store.down = False
    world.clock.advance(60)
    made_anew = ObjectRef(kind="Task", name="web", uid="ba9876543210")
    for _ in range(2):
        world.recorder.emit(made_anew, "default", "Bound", "bound to n1")
    world.recorder.flush()
    (event,) = world.written()
    assert (event.about, event.count, event.first_seen) == (made_anew, 2, "2023-11-14T22:14:20.000Z")


def test_two_of_one_component_count_together(world: World) -> None:
    other = EventRecorder(world.store, world.clock, "scheduler")
    for _ in range(3):
        world.emit()
        world.recorder.flush()
        other.emit(WEB, "default", "Bound", "bound to n1")
        other.flush()
    assert world.counts() == {"bound to n1": 6}


def test_what_somebody_put_there_by_hand_is_overwritten(world: World) -> None:
    key = keys.event("default", "Task", "web", "scheduler", "Bound", "bound to n1")
    world.memory.commit([], [Put(key, b"{not json")])
    world.emit()
    world.recorder.flush()
    assert world.counts() == {"bound to n1": 1}


def test_an_event_is_gone_an_hour_after_it_was_last_seen_and_then_starts_over(world: World) -> None:
    world.emit(times=3)
    world.recorder.flush()
    world.clock.advance(3599)
    assert world.counts() == {"bound to n1": 3}
    world.emit()
    world.recorder.flush()
    world.clock.advance(3599)
    assert world.counts() == {"bound to n1": 4}
    world.clock.advance(1)
    assert world.counts() == {}
    world.emit()
    world.recorder.flush()
    assert world.counts() == {"bound to n1": 1}


def test_one_lease_serves_five_minutes_of_events(world: World) -> None:
    for minute in range(10):
        world.emit(f"minute {minute}")
        world.recorder.flush()
        world.clock.advance(60)
    assert world.store.leases == 2


def test_a_lease_that_is_gone_is_replaced(world: World) -> None:
    world.emit("one")
    world.recorder.flush()
    (entry,) = world.memory.list(keys.EVENTS).entries
    world.memory.revoke(entry.lease)
    world.emit("two")
    world.recorder.flush()
    assert world.counts() == {"two": 1}


def test_many_go_in_batches_that_etcd_takes(world: World) -> None:
    world.emit_of_many(300)
    world.recorder.flush()
    assert world.store.commits == [128, 128, 44]
    assert len(world.written()) == 300


def test_while_the_store_is_away_they_wait_and_are_still_counted(world: World) -> None:
    world.store.down = True
    world.emit_of_many(200)
    world.recorder.flush()
    for _ in range(4):
        world.emit_of_many(1)
    world.recorder.flush()
    world.store.down = False
    world.recorder.flush()
    counts = world.counts()
    assert (len(counts), counts["event 0"], counts["event 199"]) == (200, 5, 1)


@pytest.mark.parametrize(
    ("fault", "count"),
    [pytest.param("request lost", 1, id="not done"), pytest.param("answer lost", 2, id="done: counted twice")],
)
def test_without_an_answer_an_event_is_written_at_least_once(world: World, fault: Fault, count: int) -> None:
    world.store.fail("commit", fault)
    world.emit()
    world.recorder.flush()
    world.recorder.flush()
    assert world.counts() == {"bound to n1": count}


def test_more_than_fit_drop_the_oldest_and_say_how_many(world: World) -> None:
    world.store.down = True
    world.emit("first", times=5)
    world.emit_of_many(1024)
    world.recorder.flush()
    world.emit("last")
    world.store.down = False
    world.recorder.flush()
    counts = world.counts()
    assert "first" not in counts
    assert counts["last"] == 1
    (note,) = [event for event in world.written() if event.reason == "EventsDropped"]
    told = sum(count for message, count in counts.items() if message.startswith(("event", "last")))
    assert (note.type, note.namespace, note.about) == (
        "Warning",
        keys.CLUSTER_NAMESPACE,
        ObjectRef(kind="Component", name="scheduler"),
    )
    assert told + note.count == 5 + 1024 + 1


def test_one_that_the_store_refuses_holds_up_none_of_the_others(world: World) -> None:
    world.store.refused = "poison"
    for number in range(9):
        world.emit(f"event {number}" if number != 4 else "poison")
    world.recorder.flush()
    assert sorted(world.counts()) == [f"event {number}" for number in range(9) if number != 4]
    world.store.commits.clear()
    world.recorder.flush()
    assert world.store.commits == [], "it was dropped"


@pytest.mark.parametrize(
    ("message", "readable"),
    [
        pytest.param("x" * 5000, "x" * 1023 + "…", id="huge"),
        pytest.param("bad \udc80 byte", "bad \\udc80 byte", id="not Unicode"),
    ],
)
def test_any_message_can_be_told(world: World, message: str, readable: str) -> None:
    world.emit(message)
    world.recorder.flush()
    assert world.counts() == {readable: 1}


def test_a_name_that_cannot_be_written_is_not_noted_and_harms_nobody(world: World) -> None:
    world.recorder.emit(ObjectRef(kind="Task", name="\udc80"), "default", "Quarantined", "what a name")
    world.emit()
    world.recorder.flush()
    assert world.counts() == {"bound to n1": 1}


def test_its_thread_writes_what_comes_and_what_is_left_at_the_end() -> None:
    clock = SystemClock()
    store = MemoryStore(clock)
    recorder = EventRecorder(store, clock, "agent/n1")
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(stop,))
    thread.start()
    try:
        recorder.emit(WEB, "default", "Started", "one")
        assert comes_true(lambda: len(store.list(keys.EVENTS).entries) == 1)
        recorder.emit(WEB, "default", "Stopped", "two")
    finally:
        stop.set()
        thread.join(10)
    assert len(store.list(keys.EVENTS).entries) == 2


class _OddStore(FaultyStore):
    odd = True

    def grant(self, ttl: float) -> int:
        if self.odd:
            self.odd = False
            raise ValueError("nobody foresaw this")
        return super().grant(ttl)


def test_a_failure_that_is_not_the_stores_ends_no_thread_and_holds_up_no_later_event() -> None:
    clock = ManualClock()
    memory = MemoryStore(clock)
    recorder = EventRecorder(_OddStore(memory), clock, "scheduler")
    recorder.emit(WEB, "default", "Bound", "lost")
    recorder.flush()
    recorder.emit(WEB, "default", "Bound", "kept")
    recorder.flush()
    assert [decode(entry.value, Event).message for entry in memory.list(keys.EVENTS).entries] == ["kept"]


def test_many_that_differ_in_their_words_alone_are_told_as_one(world: World) -> None:
    for number in range(100):
        world.emit(f"exit code {number}")
        world.clock.advance(1)
        world.recorder.flush()
    world.recorder.flush(all_counts=True)
    counts = world.counts()
    assert len(counts) == MOST_DIFFERENT + 1
    assert counts[f"{COMBINED}exit code 99"] == 100 - MOST_DIFFERENT
    world.emit("exit code 0")
    world.recorder.flush(all_counts=True)
    assert world.counts()["exit code 0"] == 2, "what was told in its own words before is counted there"


def test_what_comes_seldom_or_is_of_another_object_or_reason_keeps_its_words(world: World) -> None:
    for number in range(3 * MOST_DIFFERENT):
        world.emit(f"seldom {number}")
        world.clock.advance(WITHIN / MOST_DIFFERENT)
    for number in range(3 * MOST_DIFFERENT):
        world.recorder.emit(ObjectRef(kind="Task", name=f"t{number}"), "default", "Bound", f"of another {number}")
        world.recorder.emit(WEB, "default", f"Reason{number}", f"why {number}")
    world.recorder.flush()
    assert not [message for message in world.counts() if message.startswith(COMBINED)]
    assert len(world.written()) == 9 * MOST_DIFFERENT
