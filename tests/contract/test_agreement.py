"""Both stores, given the same random history, must give the same answers: also to what nobody thought of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from taskyard.clock import ManualClock
from taskyard.store.api import Commit, Compare, Delete, Entry, KeyEvent, Operation, Put, Store
from taskyard.store.etcd import EtcdStore
from taskyard.store.memory import MemoryStore
from tests.contract.subject import read_events
from tests.support.etcd_server import EtcdServer

pytestmark = pytest.mark.etcd

KEYS = ["/r/a", "/r/a/b", "/r/b", "/r/é"]
LEASES = 2

# Revisions are drawn as steps back from the present, which both stores can make sense of; leases by their place.
compares = st.tuples(st.sampled_from(KEYS), st.sampled_from(["mod", "create"]), st.one_of(st.none(), st.integers(0, 6)))
puts = st.builds(Put, st.sampled_from(KEYS), st.binary(max_size=3), st.integers(0, LEASES))
deletes = st.builds(Delete, st.sampled_from(KEYS))
writes = st.lists(st.one_of(puts, deletes), max_size=4, unique_by=lambda operation: operation.key)
commits = st.tuples(st.lists(compares, max_size=3), writes)
revokes = st.integers(1, LEASES)
histories = st.lists(st.one_of(commits, commits, commits, revokes), min_size=1, max_size=25)


@pytest.fixture
def stores(etcd: EtcdServer) -> Iterator[tuple[Store, Store]]:
    memory, real = MemoryStore(ManualClock()), EtcdStore([etcd.endpoint])
    yield memory, real
    memory.close()
    real.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_the_same_history_gets_the_same_answers(stores: tuple[Store, Store], history: list[object]) -> None:
    for store in stores:
        store.commit([], [Delete(key) for key in KEYS])
    memory, real = (run(store, history) for store in stores)
    assert memory == real


def run(store: Store, history: list[object]) -> list[object]:
    """Every answer, with revisions counted from the start and leases named by their place."""
    start = store.commit([], [Put("/start", b"")]).revision
    leases = [0, *(store.grant(300) for _ in range(LEASES))]
    held = set(leases)
    shift = Shift(start, leases)
    answers: list[object] = []
    for step in history:
        if isinstance(step, int):
            store.revoke(leases[step])
            held.discard(leases[step])
            continue
        assert isinstance(step, tuple)
        wanted, operations = step
        now = store.list("/r").revision
        done = store.commit(
            [Compare(key, target, 0 if back is None else now - back) for key, target, back in wanted],
            [placed(operation, leases, held) for operation in operations],
        )
        answers.append(shift.commit(done))
    listing = store.list("/r")
    answers += [shift.entry(entry) for entry in listing.entries]
    revisions = range(start, listing.revision + 1)
    answers += [[shift.entry(entry) for entry in store.list("/r", revision=at).entries] for at in revisions]
    store.commit([], [Put("/r/end", b"")])
    watch = store.watch("/r", start_revision=start + 1)
    events: list[KeyEvent] = []
    while not events or events[-1].key != "/r/end":
        events += read_events(watch, 1)
    watch.close()
    store.commit([], [Delete("/r/end")])
    # Keys that go with their lease go in no order that etcd promises.
    answers.append(sorted((shift.event(event) for event in events), key=lambda event: (event.revision, event.key)))
    for lease in leases[1:]:
        store.revoke(lease)
    return answers


def placed(operation: Operation, leases: list[int], held: set[int]) -> Operation:
    if not isinstance(operation, Put):
        return operation
    lease = leases[operation.lease]
    return replace(operation, lease=lease if lease in held else 0)


class Shift:
    """Makes the answers of two stores comparable."""

    def __init__(self, start: int, leases: list[int]) -> None:
        self._start = start
        self._leases = leases

    def entry(self, entry: Entry | None) -> Entry | None:
        return entry and replace(
            entry,
            create_revision=entry.create_revision - self._start,
            mod_revision=entry.mod_revision - self._start,
            lease=self._leases.index(entry.lease),
        )

    def event(self, event: KeyEvent) -> KeyEvent:
        return KeyEvent(event.key, self.entry(event.entry), event.revision - self._start)

    def commit(self, done: Commit) -> Commit:
        current = {key: self.entry(entry) for key, entry in done.current.items()}
        return Commit(done.succeeded, done.revision - self._start, current)
