"""What watches promise, over both stores: every change once, in order, whole revisions, and an honest end."""

from __future__ import annotations

import itertools
import threading

import pytest

from taskyard.store.api import Compacted, Delete, KeyEvent, Put, RequestRefused, Store
from tests.contract.subject import PATIENCE, next_batch, read_events


def put(store: Store, key: str, value: bytes = b"") -> int:
    return store.commit([], [Put(key, value)]).revision


def test_it_tells_what_happened_since_its_start(store: Store) -> None:
    put(store, "/a", b"before")
    first = put(store, "/a", b"1")
    second = store.commit([], [Delete("/a")]).revision
    watch = store.watch("/", start_revision=first)
    events = read_events(watch, 2)
    entry = events[0].entry
    assert entry is not None
    assert (entry.value, entry.mod_revision, entry.version) == (b"1", first, 2)
    assert [(event.key, event.revision) for event in events] == [("/a", first), ("/a", second)]
    assert events[1] == KeyEvent("/a", None, second)


def test_it_tells_what_happens_next_and_only_under_its_prefix(store: Store) -> None:
    revision = put(store, "/other")
    watch = store.watch("/a/", start_revision=revision + 1)
    assert watch.poll(0) is None
    for key in ("/a", "/a/1", "/a0", "/b", "/a/2"):
        put(store, key)
    assert [event.key for event in read_events(watch, 2)] == ["/a/1", "/a/2"]


def test_it_waits_for_a_revision_to_come(store: Store) -> None:
    revision = put(store, "/a", b"0")
    watch = store.watch("/", start_revision=revision + 3)
    assert watch.poll(0.2) is None
    for value in (b"1", b"2", b"3"):
        put(store, "/a", value)
    assert [event.revision for event in next_batch(watch).events] == [revision + 3]


def test_a_revision_is_never_split_and_batches_leave_no_gap(store: Store) -> None:
    start = put(store, "/start") + 1
    sizes = [1, 128, 3, 128, 128, 1] * 20 + [1] * 1100  # etcd sends at most 1,000 revisions at once
    keys = [f"/{number:03d}" for number in range(128)]
    for index, size in enumerate(sizes):
        store.commit([], [Put(key, b"%d" % index) for key in keys[:size]])
    watch = store.watch("/", start_revision=start)
    seen = start - 1
    found: dict[int, list[str]] = {}
    while seen < start + len(sizes) - 1:
        batch = next_batch(watch)
        revisions = [event.revision for event in batch.events]
        assert revisions == sorted(revisions)
        assert revisions[0] > seen
        assert batch.revision >= revisions[-1]
        seen = batch.revision
        for revision, events in itertools.groupby(batch.events, key=lambda event: event.revision):
            assert revision not in found
            found[revision] = [event.key for event in events]
    assert [len(found[start + index]) for index in range(len(sizes))] == sizes


def test_large_values_come_through(store: Store) -> None:
    start = put(store, "/start") + 1
    for number in range(12):
        put(store, f"/{number:02d}", bytes(1_000_000))
    events = read_events(store.watch("/", start_revision=start), 12)
    assert [event.entry is not None and len(event.entry.value) for event in events] == [1_000_000] * 12


def test_a_second_watch_takes_over_where_the_first_one_was(store: Store) -> None:
    start = put(store, "/start") + 1
    expected = [put(store, f"/{number}") for number in range(10)]
    first = store.watch("/", start_revision=start)
    batch = next_batch(first)
    first.close()
    expected += [put(store, f"/{number}") for number in range(10)]
    second = store.watch("/", start_revision=batch.revision + 1)
    events = [*batch.events, *read_events(second, len(expected) - len(batch.events))]
    assert [event.revision for event in events] == expected


def test_watches_do_not_disturb_each_other(store: Store) -> None:
    start = put(store, "/start") + 1
    one, two, other = (store.watch(prefix, start_revision=start) for prefix in ("/", "/", "/b"))
    put(store, "/a")
    put(store, "/b")
    assert [event.key for event in read_events(one, 2)] == ["/a", "/b"]
    one.close()
    assert [event.key for event in read_events(two, 2)] == ["/a", "/b"]
    assert [event.key for event in read_events(other, 1)] == ["/b"]


def test_close_wakes_a_poll_from_another_thread(store: Store) -> None:
    watch = store.watch("/", start_revision=put(store, "/a") + 1)
    answers: list[object] = []
    polling = threading.Thread(target=lambda: answers.append(watch.poll(PATIENCE)))
    polling.start()
    watch.close()
    polling.join(PATIENCE / 2)
    assert answers == [None]
    watch.close()
    put(store, "/a")
    assert watch.poll(0) is None


def test_closing_the_store_ends_its_watches(store: Store) -> None:
    watch = store.watch("/", start_revision=put(store, "/a"))
    next_batch(watch)
    store.close()
    assert watch.poll(PATIENCE) is None


def test_history_that_is_gone_is_said_to_be(store: Store) -> None:
    first = put(store, "/a", b"1")
    for value in (b"2", b"3", b"4"):
        put(store, "/a", value)
    store.compact(first + 2)
    for revision in (first, first + 1):
        with pytest.raises(Compacted) as listing:
            store.list("/", revision=revision)
        assert listing.value.revision == first + 2
        watch = store.watch("/", start_revision=revision)
        for _ in range(2):
            with pytest.raises(Compacted) as watching:
                next_batch(watch)
            assert watching.value.revision == first + 2


def test_what_compaction_left_can_be_read_and_watched(store: Store) -> None:
    first = put(store, "/a", b"1")
    second = put(store, "/a", b"2")
    put(store, "/a", b"3")
    store.compact(second)
    assert [entry.value for entry in store.list("/", revision=second).entries] == [b"2"]
    assert [event.revision for event in read_events(store.watch("/", start_revision=second + 1), 1)] == [second + 1]
    assert first < second


def test_a_connected_watch_does_not_mind_compaction(store: Store) -> None:
    start = put(store, "/a", b"1")
    watch = store.watch("/", start_revision=start)
    next_batch(watch)
    last = [put(store, "/a", b"2") for _ in range(5)][-1]
    assert [event.revision for event in read_events(watch, 5)][-1] == last
    store.compact(last)
    assert put(store, "/a", b"3") == next_batch(watch).revision


def test_compaction_goes_forward_and_not_beyond_now(store: Store) -> None:
    revision = put(store, "/a", b"1")
    put(store, "/a", b"2")
    store.compact(revision)
    with pytest.raises(Compacted) as gone:
        store.compact(revision)
    assert gone.value.revision == revision
    with pytest.raises(RequestRefused, match="future"):
        store.compact(revision + 5)
