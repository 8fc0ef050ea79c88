"""Objects that would wait for each other are refused: of one apply, with those stored, and written meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from controlplane.admission import ObjectWriter, Refused, Wanted
from controlplane.admission.cycles import MOST_EDGES
from controlplane.admission.graph import cycle_from
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.keys import ObjectKey
from taskyard.objects import (
    AnyObject,
    Dependencies,
    Dependency,
    Job,
    JobSpec,
    Metadata,
    Service,
    ServiceSpec,
    Task,
    TaskSpec,
    TaskTemplate,
    decode,
    encode,
)
from taskyard.store.api import Delete, Put, Store
from taskyard.store.memory import MemoryStore


def made(label: str, *awaited: str) -> AnyObject:
    """`service/web` that waits for `job/migrate` and so on."""
    kind, _, name = label.partition("/")
    found = [each.partition("/") for each in awaited]
    depends: list[Any] = [Dependency(kind=kind.capitalize(), name=name) for kind, _, name in found]  # type: ignore[arg-type]
    spec, metadata = TaskSpec(image="a:1", depends_on=depends), Metadata(name=name)
    if kind == "task":
        return Task(metadata=metadata, spec=spec)
    template = TaskTemplate(spec=spec)
    if kind == "job":
        return Job(metadata=metadata, spec=JobSpec(template=template))
    return Service(metadata=metadata, spec=ServiceSpec(template=template))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


def writer(store: Store) -> ObjectWriter:
    return ObjectWriter(store, ManualClock())


def refused(outcome: object) -> str:
    assert isinstance(outcome, Refused)
    assert outcome.reason == "DependencyCycle"
    return outcome.message


def test_a_cycle_over_what_is_stored_is_shown(store: MemoryStore) -> None:
    admission = writer(store)
    assert not isinstance(admission.apply(made("service/web", "job/migrate")), Refused)
    assert not isinstance(admission.apply(made("job/migrate", "task/db")), Refused)
    told = refused(admission.apply(made("task/db", "service/web")))
    way = "task/db waits for service/web, which waits for job/migrate, which waits for task/db"
    assert told == f"task/db would wait for itself: {way}"
    assert store.get(keys.task("default", "db")) is None
    assert not isinstance(admission.apply(made("task/db")), Refused)


def test_one_that_waits_for_itself(store: MemoryStore) -> None:
    assert "task/a waits for task/a" in refused(writer(store).apply(made("task/a", "task/a")))


def test_a_cycle_within_one_apply_is_told_before_anything_is_written(store: MemoryStore) -> None:
    wanted = [Wanted(made("task/a", "task/b")), Wanted(made("task/b", "task/a")), Wanted(made("task/c", "task/a"))]
    first, second, third = writer(store).check(wanted)
    assert (first, third) == (None, None)
    assert "task/b waits for task/a, which waits for task/b" in refused(second)


def test_of_two_who_close_a_cycle_at_the_same_time_one_is_refused() -> None:
    """The second is decided before the first has written, and written after."""

    class Between(MemoryStore):
        meanwhile: Any = None

        def commit(self, *arguments: Any) -> Any:
            meanwhile, self.meanwhile = self.meanwhile, None
            if meanwhile is not None:
                meanwhile()
            return super().commit(*arguments)

    between = Between(ManualClock())
    outcomes: list[object] = []
    between.meanwhile = lambda: outcomes.append(writer(between).apply(made("task/a", "task/b")))
    outcomes.append(writer(between).apply(made("task/b", "task/a")))
    assert not isinstance(outcomes[0], Refused)
    refused(outcomes[1])


def test_what_was_deleted_is_in_nobody_s_way(store: MemoryStore) -> None:
    admission = writer(store)
    admission.apply(made("task/a", "task/b"))
    store.commit([], [Delete(keys.object_key(ObjectKey("Task", "default", "a")))])
    assert not isinstance(admission.apply(made("task/b", "task/a")), Refused)
    refused(admission.apply(made("task/a", "task/b")))


def test_what_is_gone_does_not_make_the_key_grow_for_ever(store: MemoryStore) -> None:
    admission = writer(store)
    admission.apply(made("service/kept", "job/other"))
    many = {f"job/build-{number}": ["service/db"] for number in range(MOST_EDGES)} | {"cron/odd": ["service/db"]}
    key = keys.dependencies("default")
    entry = store.get(key)
    assert entry is not None
    known = decode(entry.value, Dependencies).edges
    store.commit([], [Put(key, encode(Dependencies(edges=known | many)))])
    admission.apply(made("job/new", "service/db"))
    entry = store.get(key)
    assert entry is not None
    assert decode(entry.value, Dependencies).edges == {"service/kept": ["job/other"], "job/new": ["service/db"]}


def test_a_kind_that_is_none_in_the_key_is_no_cycle(store: MemoryStore) -> None:
    edges = {"cron/odd": ["task/a"], "task/b": ["cron/odd"]}
    store.commit([], [Put(keys.dependencies("default"), encode(Dependencies(edges=edges)))])
    assert not isinstance(writer(store).apply(made("task/a", "task/b")), Refused)


def test_an_edge_that_is_taken_away_again_opens_the_way(store: MemoryStore) -> None:
    admission = writer(store)
    admission.apply(made("service/a", "service/b"))
    refused(admission.apply(made("service/b", "service/a")))
    admission.apply(made("service/a"))
    assert not isinstance(admission.apply(made("service/b", "service/a")), Refused)


_NODES = some.sampled_from("abcdef")


@given(some.dictionaries(_NODES, some.lists(_NODES, max_size=3)), _NODES)
def test_a_cycle_that_is_shown_is_one_and_none_is_missed(edges: dict[str, list[str]], start: str) -> None:
    cycle = cycle_from(start, edges)
    for one, other in pairwise(cycle):
        assert other in edges[one]
    reached, level = set[str](), set(edges.get(start, ()))
    while level - reached:
        reached |= level
        level = {other for each in level for other in edges.get(each, ())}
    assert bool(cycle) == (start in reached)
    assert not cycle or (cycle[0], cycle[-1]) == (start, start)
