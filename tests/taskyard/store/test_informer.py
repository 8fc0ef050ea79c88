from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from taskyard.clock import ManualClock, SystemClock
from taskyard.store.api import Delete, Entry, KeyEvent, Put, StoreUnavailable, WatchBatch
from taskyard.store.faulty import FaultyStore
from taskyard.store.informer import Change, Informer
from taskyard.store.memory import MemoryStore
from tests.taskyard.store.scripted import ScriptedStore


class Follower:
    """Subscribes, and keeps what it was told: per batch, `key: old value > new value @ revision`."""

    def __init__(self, informer: Informer) -> None:
        self.told: list[list[str]] = []
        informer.subscribe(self._note)

    def _note(self, changes: Sequence[Change]) -> None:
        self.told.append([f"{c.key}: {_text(c.old)} > {_text(c.new)} @ {c.revision}" for c in changes])

    def take(self) -> list[list[str]]:
        told, self.told = self.told, []
        return told


def _text(entry: Entry | None) -> str:
    return "-" if entry is None else entry.value.decode()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def informer(store: MemoryStore, clock: ManualClock) -> Informer:
    return Informer(store, "t/", clock, relist_every=300)


@pytest.fixture
def follower(informer: Informer) -> Follower:
    return Follower(informer)


def put(store: MemoryStore, key: str, value: bytes = b"1") -> int:
    return store.commit([], [Put(key, value)]).revision


def delete(store: MemoryStore, key: str) -> int:
    return store.commit([], [Delete(key)]).revision


def test_it_lists_and_then_watches(store: MemoryStore, informer: Informer, follower: Follower) -> None:
    put(store, "t/b")
    put(store, "t/a")
    put(store, "u/x")
    assert not informer.synced
    assert informer.pump(0)
    assert informer.synced
    assert follower.take() == [["t/a: - > 1 @ 3", "t/b: - > 1 @ 2"]]
    assert informer.revision == 4
    put(store, "t/a", b"2")
    delete(store, "t/b")
    assert informer.pump(0)
    assert follower.take() == [["t/a: 1 > 2 @ 5", "t/b: 1 > - @ 6"]], "one call per batch"
    assert informer.entries == {"t/a": Entry("t/a", b"2", 3, 5, 2)}
    assert not informer.pump(0)
    assert follower.take() == []


def test_progress_elsewhere_counts_and_tells_nobody(store: MemoryStore, informer: Informer, follower: Follower) -> None:
    informer.pump(0)
    revision = put(store, "u/x")
    assert not informer.wait_for(revision, 0)
    informer.pump(0)
    assert informer.wait_for(revision, 0)
    assert follower.take() == []


def test_under_is_in_key_order_and_stays_so(store: MemoryStore, informer: Informer) -> None:
    for key in ("t/b/2", "t/a/1", "t/c"):
        put(store, key)
    informer.pump(0)
    put(store, "t/b/1")
    put(store, "t/b/3")
    delete(store, "t/b/2")
    informer.pump(0)
    assert [entry.key for entry in informer.under("t/b/")] == ["t/b/1", "t/b/3"]
    assert [entry.key for entry in informer.under("")] == ["t/a/1", "t/b/1", "t/b/3", "t/c"]
    assert informer.under("t/d") == []


def test_entries_cannot_be_written(store: MemoryStore, informer: Informer) -> None:
    put(store, "t/a")
    informer.pump(0)
    with pytest.raises(TypeError):
        del informer.entries["t/a"]


def test_compacted_while_disconnected_it_lists_again_and_tells_the_difference(
    store: MemoryStore, informer: Informer, follower: Follower
) -> None:
    for key in ("t/same", "t/changed", "t/gone", "t/reborn"):
        put(store, key)
    informer.pump(0)
    follower.take()
    reborn = informer.entries["t/reborn"]
    store.disconnect()
    put(store, "t/changed", b"2")
    delete(store, "t/gone")
    delete(store, "t/reborn")
    put(store, "t/reborn")
    put(store, "t/new")
    put(store, "t/passing")
    store.compact(delete(store, "t/passing"))
    assert informer.pump(0)
    assert follower.take() == [
        ["t/changed: 1 > 2 @ 6", "t/reborn: 1 > 1 @ 9", "t/new: - > 1 @ 10", "t/gone: 1 > - @ 12"]
    ]
    assert informer.entries["t/reborn"].create_revision > reborn.create_revision
    put(store, "t/new", b"2")
    informer.pump(0)
    assert follower.take() == [["t/new: 1 > 2 @ 13"]], "it watches again"


def test_the_store_away_while_it_has_to_list_again(store: MemoryStore, clock: ManualClock) -> None:
    faulty = FaultyStore(store)
    informer = Informer(faulty, "t/", clock)
    put(store, "t/a")
    informer.pump(0)
    store.disconnect()
    store.compact(put(store, "t/b"))
    store.compact(put(store, "t/c"))
    faulty.fail("list", "unreachable")
    with pytest.raises(StoreUnavailable):
        informer.pump(0)
    assert list(informer.entries) == ["t/a"], "an old copy beats none"
    assert informer.synced
    informer.pump(0)
    assert sorted(informer.entries) == ["t/a", "t/b", "t/c"]


A5 = Entry("t/a", b"5", 5, 5)
A7 = Entry("t/a", b"7", 5, 7, 2)
A9 = Entry("t/a", b"9", 9, 9)
PUT5, PUT7, PUT9 = (KeyEvent("t/a", entry, entry.mod_revision) for entry in (A5, A7, A9))
DELETE8 = KeyEvent("t/a", None, 8)


@pytest.mark.parametrize(
    ("deliveries", "told", "left"),
    [
        pytest.param([[PUT5], [PUT5]], [["t/a: - > 5 @ 5"]], A5, id="put twice"),
        pytest.param([[PUT7], [PUT5]], [["t/a: - > 7 @ 7"]], A7, id="older put after newer"),
        pytest.param([[PUT7, PUT5]], [["t/a: - > 7 @ 7"]], A7, id="older put after newer in one batch"),
        pytest.param(
            [[PUT7], [DELETE8], [PUT7]],
            [["t/a: - > 7 @ 7"], ["t/a: 7 > - @ 8"]],
            None,
            id="put again after its deletion",
        ),
        pytest.param([[DELETE8], [PUT7]], [], None, id="deletion before the put that it ended"),
        pytest.param([[PUT7, DELETE8], [DELETE8]], [["t/a: - > 7 @ 7", "t/a: 7 > - @ 8"]], None, id="deletion twice"),
        pytest.param([[PUT9], [DELETE8]], [["t/a: - > 9 @ 9"]], A9, id="deletion of an earlier life"),
        pytest.param(
            [[DELETE8], [PUT9], [PUT5], [DELETE8]], [["t/a: - > 9 @ 9"]], A9, id="new life, then all of the old"
        ),
    ],
)
def test_only_what_is_newer_is_applied(
    clock: ManualClock, deliveries: list[list[KeyEvent]], told: list[list[str]], left: Entry | None
) -> None:
    store = ScriptedStore(clock)
    informer = Informer(store, "t/", clock)
    follower = Follower(informer)
    informer.pump(0)
    for events in deliveries:
        store.deliveries.append(WatchBatch(tuple(events), max(event.revision for event in events)))
        informer.pump(0)
    assert follower.take() == told
    assert informer.entries.get("t/a") == left
    assert [entry.key for entry in informer.under("t/")] == (["t/a"] if left else [])


def test_what_is_older_than_the_list_is_no_news(clock: ManualClock) -> None:
    store = ScriptedStore(clock)
    put(store, "t/a")
    delete(store, "t/a")
    put(store, "u/x")
    informer = Informer(store, "t/", clock)
    informer.pump(0)
    store.deliveries.append(WatchBatch((KeyEvent("t/a", Entry("t/a", b"1", 2, 2), 2),), 2))
    informer.pump(0)
    assert informer.entries == {}
    assert informer.revision == 4


def test_what_a_watch_loses_is_found_by_the_list_every_few_minutes(clock: ManualClock) -> None:
    store = ScriptedStore(clock)
    put(store, "t/gone")
    informer = Informer(store, "t/", clock, relist_every=300)
    follower = Follower(informer)
    informer.pump(0)
    follower.take()
    delete(store, "t/gone")
    put(store, "t/new")
    clock.advance(299)
    assert not informer.pump(0)
    clock.advance(1)
    assert informer.pump(0)
    assert follower.take() == [["t/new: - > 1 @ 4", "t/gone: 1 > - @ 4"]]
    clock.advance(300)
    assert informer.pump(0)
    assert follower.take() == [], "a list without news tells nobody"


def test_a_list_that_keeps_failing_does_not_starve_the_watch(store: MemoryStore, clock: ManualClock) -> None:
    faulty = FaultyStore(store)
    informer = Informer(faulty, "t/", clock, relist_every=300)
    informer.pump(0)
    clock.advance(300)
    faulty.fail("list", "unreachable")
    with pytest.raises(StoreUnavailable):
        informer.pump(0)
    put(store, "t/a")
    faulty.fail("list", "unreachable")
    assert informer.pump(0), "from the watch"
    assert list(informer.entries) == ["t/a"]


def test_another_history_is_noticed_though_it_is_further_on(store: MemoryStore, clock: ManualClock) -> None:
    put(store, "t/a", b"1")
    replaced = FaultyStore(store)
    informer = Informer(replaced, "t/", clock)
    informer.pump(0)
    other = MemoryStore(clock)
    for _ in range(9):
        put(other, "t/b", b"1")
    replaced.replace(other)
    replaced.fail("list", "unreachable")
    with pytest.raises(StoreUnavailable):
        informer.pump(0)
    informer.pump(0)
    assert (informer.revision, informer.restores, informer.restored_at) == (10, 1, 10)


def test_a_store_restored_from_a_backup_is_believed(store: MemoryStore, clock: ManualClock) -> None:
    for value in (b"1", b"2", b"3"):
        put(store, "t/a", value)
    put(store, "t/lost")
    put(store, "t/back")
    replaced = FaultyStore(store)
    informer = Informer(replaced, "t/", clock)
    follower = Follower(informer)
    informer.pump(0)
    delete(store, "t/back")
    informer.pump(0)
    follower.take()
    restored = MemoryStore(clock)
    put(restored, "t/a", b"1")
    replaced.replace(restored)
    assert (informer.restores, informer.restored_at) == (0, 0)
    informer.pump(0)
    assert follower.take() == [["t/a: 3 > 1 @ 2", "t/lost: 1 > - @ 2"]]
    assert (informer.revision, informer.restores, informer.restored_at) == (2, 1, 2)
    put(restored, "t/a", b"2")
    put(restored, "t/back")
    informer.pump(0)
    assert follower.take() == [["t/a: 1 > 2 @ 3", "t/back: - > 1 @ 4"]], "at revisions that once meant something else"


def test_a_failing_subscriber_stops_neither_the_others_nor_the_cache(store: MemoryStore, informer: Informer) -> None:
    def fail(changes: Sequence[Change]) -> None:
        raise ValueError(f"cannot take {changes[0].key}")

    informer.subscribe(fail)
    follower = Follower(informer)
    put(store, "t/a")
    with pytest.raises(ValueError, match="cannot take t/a"):
        informer.pump(0)
    assert list(informer.entries) == ["t/a"]
    put(store, "t/b")
    with pytest.raises(ValueError, match="cannot take t/b"):
        informer.pump(0)
    assert follower.take() == [["t/a: - > 1 @ 2"], ["t/b: - > 1 @ 3"]]


def test_callbacks_see_the_cache_as_it_is_after_the_batch(store: MemoryStore, informer: Informer) -> None:
    seen = []
    informer.subscribe(lambda _changes: seen.append((sorted(informer.entries), informer.revision)))
    store.commit([], [Put("t/a", b"1"), Put("t/b", b"1")])
    informer.pump(0)
    store.commit([], [Delete("t/a"), Put("t/c", b"1")])
    informer.pump(0)
    assert seen == [(["t/a", "t/b"], 2), (["t/b", "t/c"], 3)]


def test_its_thread_lives_through_an_outage_and_a_failing_subscriber() -> None:
    clock = SystemClock()
    memory = MemoryStore(clock)
    store = FaultyStore(memory)
    store.fail("list", "unreachable")
    informer = Informer(store, "t/", clock)
    failures = iter([ValueError("once")])

    def fail_once(_changes: Sequence[Change]) -> None:
        for failure in failures:
            raise failure

    informer.subscribe(fail_once)
    put(memory, "t/a")
    stop = threading.Event()
    thread = threading.Thread(target=informer.run, args=(stop,))
    thread.start()
    try:
        assert informer.wait_for(2, 10)
        revision = put(memory, "t/b")
        assert informer.wait_for(revision, 10)
        assert not informer.wait_for(revision + 1, 0)
        assert sorted(informer.entries) == ["t/a", "t/b"]
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_the_first_list_is_handed_out_ahead_and_later_ones_are_not(store: MemoryStore, clock: ManualClock) -> None:
    store.commit([], [Put("/a/1", b"1"), Put("/b", b"2")])
    informer, told = Informer(store, "/a/", clock), list[tuple[str, object]]()
    informer.subscribe(lambda changes: told.extend((change.key, change.read) for change in changes))
    informer.read_ahead(lambda entries: [f"{entry.value!r} after {len(told)}" for entry in entries])
    informer.sync()
    informer.sync()
    assert told == [("/a/1", "b'1' after 0")]
    store.commit([], [Put("/a/1", b"2")])
    informer.sync()
    assert told[1:] == [("/a/1", None)]
