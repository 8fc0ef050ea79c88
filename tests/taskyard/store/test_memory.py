"""What is MemoryStore's own; that it behaves as etcd does is the contract suite's."""

from __future__ import annotations

import threading

import pytest

from taskyard.clock import ManualClock, SystemClock
from taskyard.store.api import Compacted, Delete, Put, RequestRefused
from taskyard.store.memory import MemoryStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


def put(store: MemoryStore, key: str, value: bytes = b"1", lease: int = 0) -> int:
    return store.commit([], [Put(key, value, lease)]).revision


def test_leases_that_end_together_are_deletions_at_revisions_of_their_own(
    store: MemoryStore, clock: ManualClock
) -> None:
    for key in ("a", "b"):
        put(store, key, lease=store.grant(5))
    watch = store.watch("", start_revision=0)
    clock.advance(5)
    batch = watch.poll(0)
    assert batch is not None
    assert [(event.key, event.entry, event.revision) for event in batch.events] == [("a", None, 4), ("b", None, 5)]


def test_a_key_that_moved_to_another_lease_outlives_the_first(store: MemoryStore, clock: ManualClock) -> None:
    first, second = store.grant(5), store.grant(10)
    put(store, "a", lease=first)
    put(store, "a", lease=second)
    put(store, "b", lease=first)
    put(store, "b")
    clock.advance(5)
    assert [entry.key for entry in store.list("").entries] == ["a", "b"]
    clock.advance(5)
    assert [entry.key for entry in store.list("").entries] == ["b"]


def test_a_key_put_again_after_its_lease_ended_starts_a_new_life(store: MemoryStore, clock: ManualClock) -> None:
    lease = store.grant(1)
    put(store, "a", lease=lease)
    clock.advance(1)
    put(store, "a")
    entry = store.get("a")
    assert entry is not None
    assert (entry.create_revision, entry.version) == (4, 1)


def test_a_waiting_poll_sees_a_lease_end_without_any_call() -> None:
    store = MemoryStore(SystemClock())
    put(store, "a", lease=store.grant(1))
    watch = store.watch("", start_revision=0)
    batch = watch.poll(10)
    assert batch is not None
    assert [(event.key, event.entry) for event in batch.events] == [("a", None)]


def test_a_waiting_poll_ends_when_the_watch_is_closed(store: MemoryStore) -> None:
    watch = store.watch("", start_revision=0)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(watch.poll(60)))
    thread.start()
    watch.close()
    thread.join(10)
    assert answers == [None]


def test_a_connected_watch_gets_what_was_compacted_before_it_looked(store: MemoryStore) -> None:
    watch = store.watch("", start_revision=0)
    for value in (b"1", b"2", b"3"):
        put(store, "a", value)
    store.compact(4)
    batch = watch.poll(0)
    assert batch is not None
    assert [event.revision for event in batch.events] == [2, 3, 4]


@pytest.mark.parametrize(
    ("compact_at", "resumes"),
    [
        pytest.param(2, True, id="up to where it resumes"),
        pytest.param(3, False, id="past where it resumes"),
    ],
)
def test_a_disconnected_watch_resumes_unless_that_is_compacted(
    store: MemoryStore, compact_at: int, resumes: bool
) -> None:
    watch = store.watch("", start_revision=2)
    store.disconnect()
    for value in (b"1", b"2", b"3"):
        put(store, "a", value)
    store.compact(compact_at)
    if resumes:
        batch = watch.poll(0)
        assert batch is not None
        assert [event.revision for event in batch.events] == [2, 3, 4]
        return
    for _ in range(2):
        with pytest.raises(Compacted) as caught:
            watch.poll(0)
        assert caught.value.revision == compact_at


def test_compaction_keeps_the_latest_versions_and_forgets_the_dead(store: MemoryStore) -> None:
    put(store, "kept", b"old")
    put(store, "gone")
    put(store, "kept", b"new")
    revision = store.commit([], [Delete("gone")]).revision
    put(store, "kept", b"newest")
    store.compact(revision)
    assert [(entry.key, entry.value) for entry in store.list("", revision=revision).entries] == [("kept", b"new")]
    with pytest.raises(Compacted):
        store.list("", revision=revision - 1)


def test_the_future_cannot_be_listed(store: MemoryStore) -> None:
    with pytest.raises(RequestRefused, match="revision 7 is in the future: the store is at 1"):
        store.list("", revision=7)
