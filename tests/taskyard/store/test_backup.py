"""A memory store that is restored from a backup begins as etcd does: with its entries, revisions and leases."""

from __future__ import annotations

import pytest

from taskyard.clock import ManualClock
from taskyard.store.api import Compacted, Put, absent, unchanged
from taskyard.store.memory import Backup, MemoryStore


def test_it_goes_on_from_the_backup_as_if_nothing_had_followed() -> None:
    store = MemoryStore(ManualClock())
    store.commit([], [Put("a", b"1")])
    store.commit([], [Put("a", b"2"), Put("b", b"1")])
    backup = store.backup()
    store.commit([], [Put("c", b"lost")])
    restored = store.restored(backup)
    assert restored.list("") == backup_listing(store, backup)
    found = restored.get("a")
    assert found is not None
    watch = restored.watch("", start_revision=backup.revision + 1)
    done = restored.commit([unchanged(found), absent("c")], [Put("a", b"3")])
    assert (done.succeeded, done.revision) == (True, backup.revision + 1)
    batch = watch.poll(0)
    assert batch is not None
    assert [event.key for event in batch.events] == ["a"]
    with pytest.raises(Compacted):
        restored.list("", revision=backup.revision - 1)


def backup_listing(store: MemoryStore, backup: Backup) -> object:
    return store.list("", revision=backup.revision)


def test_leases_live_on_for_all_of_their_time_and_no_id_comes_twice() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    lease = store.grant(10)
    store.commit([], [Put("a", b"1", lease)])
    backup = store.backup()
    later = store.grant(10)
    clock.advance(30)
    restored = store.restored(backup)
    clock.advance(9)
    assert restored.get("a") is not None
    assert restored.grant(10) not in (lease, later)
    clock.advance(2)
    assert restored.get("a") is None


def test_without_a_backup_it_is_empty() -> None:
    store = MemoryStore(ManualClock())
    store.commit([], [Put("a", b"1")])
    restored = store.restored(Backup())
    assert (restored.list("").entries, restored.list("").revision) == ((), 1)
