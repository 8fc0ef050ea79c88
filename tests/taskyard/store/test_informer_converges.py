"""Whatever happens between a store and its informer, the cache ends up as the list is, and so does its subscriber."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard.clock import ManualClock
from taskyard.store.api import Delete, Entry, Put, Store, StoreUnavailable, Watch, WatchBatch
from taskyard.store.faulty import FaultyStore
from taskyard.store.informer import Change, Informer
from taskyard.store.memory import MemoryStore

KEYS = st.sampled_from(["t/a", "t/b", "t/c/d", "u/x"])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS),
    st.tuples(st.just("put leased"), KEYS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.sampled_from(["pump", "pump", "compact", "disconnect", "wait", "down", "up", "replay"]), st.just("")),
)


class _ReplayingStore(FaultyStore):
    """Asked to, its watch delivers all that it ever delivered once more, latest first."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.delivered: list[WatchBatch] = []
        self.replays: list[WatchBatch] = []

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return _ReplayingWatch(self, super().watch(prefix, start_revision=start_revision))

    def replay(self) -> None:
        self.replays = list(self.delivered)


class _ReplayingWatch(Watch):
    def __init__(self, store: _ReplayingStore, inner: Watch) -> None:
        self._store = store
        self._inner = inner

    def poll(self, timeout: float) -> WatchBatch | None:
        if self._store.replays:
            return self._store.replays.pop()
        batch = self._inner.poll(timeout)
        if batch is not None:
            self._store.delivered.append(batch)
        return batch

    def close(self) -> None:
        self._inner.close()


class _Mirror:
    """A subscriber that believes what it is told, and checks that it makes sense."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def apply(self, changes: Sequence[Change]) -> None:
        assert changes
        if self.entries:  # What the first list tells is in the order of its keys.
            assert [change.revision for change in changes] == sorted(change.revision for change in changes)
        for change in changes:
            assert self.entries.get(change.key) == change.old
            assert change.old != change.new
            if change.new is None:
                del self.entries[change.key]
            else:
                assert change.old is None or change.new.mod_revision > change.old.mod_revision
                self.entries[change.key] = change.new


def _carry_out(step: str, key: str, memory: MemoryStore, store: _ReplayingStore, clock: ManualClock) -> None:
    match step:
        case "put":
            memory.commit([], [Put(key, b"x")])
        case "put leased":
            memory.commit([], [Put(key, b"x", memory.grant(5))])
        case "delete":
            memory.commit([], [Delete(key)])
        case "compact":
            revision = memory.list("").revision
            memory.commit([], [Put("u/y", b"")])
            memory.compact(revision)
        case "disconnect":
            memory.disconnect()
        case "wait":
            clock.advance(2)
        case "down" | "up":
            store.down = step == "down"
        case "replay":
            store.replay()


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=60))
def test_cache_and_subscriber_converge_to_the_list(steps: list[tuple[str, str]]) -> None:
    clock = ManualClock()
    memory = MemoryStore(clock)
    store = _ReplayingStore(memory)
    informer = Informer(store, "t/", clock, relist_every=20)
    mirror = _Mirror()
    informer.subscribe(mirror.apply)
    for step, key in steps:
        if step != "pump":
            _carry_out(step, key, memory, store, clock)
        elif store.down and not informer.synced:
            with pytest.raises(StoreUnavailable):
                informer.pump(0)
        else:
            _pump(informer)
    store.down = False
    while _pump(informer):
        pass
    listing = memory.list("t/")
    assert informer.under("t/") == list(listing.entries)
    assert dict(informer.entries) == mirror.entries == {entry.key: entry for entry in listing.entries}
    assert informer.revision == listing.revision


def _pump(informer: Informer) -> bool:
    try:
        return informer.pump(0)
    except StoreUnavailable:
        return False
