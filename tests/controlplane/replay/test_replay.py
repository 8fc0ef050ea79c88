"""Replay over a store's history: the same policy decides the same, another is compared, and what is gone is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from controlplane.past import BadMoment, earliest
from controlplane.replay import Replayed, replay, span_of
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.objects import Metadata, Move, Namespace, NamespaceSpec, NodeSpec, TaskState, key_of
from taskyard.store.memory import MemoryStore
from tests.support.plane import GI, MI, Plane, a_spec, a_task, a_uid


def again(plane: Plane, start: str = "", end: str = "", policy: str = "") -> Replayed:
    return replay(plane.store, span_of(plane.store, start, end), plane.clock, strategy="spread", policy=policy)


def other(found: Replayed) -> list[tuple[str, str, str]]:
    return [(each.key.name, each.then, each.now) for each in found.decisions if each.differs]


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    made.add_node("n1")
    made.add_node("n2")
    made.lead()
    return made


def bind(plane: Plane, name: str, number: int, memory: str = "512Mi") -> None:
    plane.clock.advance(10.0)
    plane.elector.step()
    plane.add_task(a_task(name, a_uid(number), a_spec(memory=memory), created=number))
    plane.settle(plane.scheduler)


events = st.lists(
    st.one_of(
        st.tuples(st.just("task"), st.integers(0, 6), st.sampled_from(["200Mi", "900Mi", "2Gi"])),
        st.tuples(st.just("node"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("gone"), st.integers(0, 6), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=40)
@given(events)
def test_with_the_same_policy_every_decision_is_the_same(found: list[tuple[str, int, object]]) -> None:
    plane = Plane()
    plane.lead()
    for index, (what, number, detail) in enumerate(found):
        if what == "task":
            spec = a_spec(memory=str(detail), priority=number % 2)
            plane.add_task(a_task(f"t{number}", a_uid(number), spec, created=index))
        elif what == "node":
            plane.add_node(f"n{number}", memory=2 * GI)
            plane.set_node(NodeSpec(metadata=Metadata(name=f"n{number}"), cordoned=bool(detail)))
        else:
            entry = plane.store.get(keys.task("default", f"t{number}"))
            if entry is not None:
                plane.delete(entry.key)
        if index % 3 == 0:
            plane.settle(plane.scheduler, plane.tasks)
    plane.settle(plane.scheduler, plane.tasks)
    replayed = again(plane)
    assert other(replayed) == []
    bound = plane.scheduler.metrics.bound
    assert len(replayed.decisions) == bound


def test_another_policy_is_held_against_what_was_decided(plane: Plane) -> None:
    for number, name in enumerate(("a", "b", "c")):
        bind(plane, name, number)
    assert [plane.node_of(name) for name in ("a", "b", "c")] == ["n1", "n2", "n1"]
    assert other(again(plane, policy="binpack")) == [("b", "n2", "n1")]


def test_a_decision_that_somebody_else_made_differs(plane: Plane) -> None:
    bind(plane, "a", 1)
    task = plane.task("a")
    assert task.binding is not None
    by_hand = Move(uid=a_uid(1), epoch=1, to="n2", requested_at=timestamp(plane.clock.now()))
    plane.report("a", TaskState.RUNNING)
    plane.put(keys.move("default", "a"), by_hand)
    plane.settle(plane.scheduler)
    assert plane.node_of("a") == "n2"
    found = again(plane)
    assert (len(found.decisions), found.moves, other(found)) == (1, 1, [])


def test_a_stretch_by_revisions_and_by_moments(plane: Plane) -> None:
    for number, name in enumerate(("a", "b", "c")):
        bind(plane, name, number)
    middle = plane.store.get(keys.task("default", "b"))
    assert middle is not None
    revision = str(middle.mod_revision)
    assert [each.key.name for each in again(plane, revision, revision).decisions] == ["b"]
    assert [each.key.name for each in again(plane, revision).decisions] == ["b", "c"]
    then = timestamp(plane.clock.now() - 11.0)
    assert [each.key.name for each in again(plane, then).decisions] == ["b", "c"]
    assert [each.key.name for each in again(plane, "", then).decisions] == ["a"]


def test_what_was_compacted_is_told_with_how_far_back_it_goes(plane: Plane) -> None:
    bind(plane, "a", 1)
    bind(plane, "b", 2)
    entry = plane.store.get(keys.task("default", "b"))
    assert entry is not None
    plane.store.compact(entry.mod_revision - 1)
    assert earliest(plane.store) == entry.mod_revision - 1
    with pytest.raises(BadMoment, match=f"history goes back to revision {entry.mod_revision - 1}"):
        again(plane, "3")
    assert [each.key.name for each in again(plane).decisions] == ["b"]


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        pytest.param("soon", "", "neither a revision nor a moment", id="no moment"),
        pytest.param("", "99999", "is in the future: the store is at", id="future"),
        pytest.param("5", "3", "it ends before it begins", id="backwards"),
    ],
)
def test_a_stretch_that_is_none(plane: Plane, start: str, end: str, says: str) -> None:
    bind(plane, "a", 1)
    with pytest.raises(BadMoment, match=says):
        again(plane, start, end)


def test_an_empty_store_has_nothing_to_replay() -> None:
    plane = Plane()
    assert isinstance(plane.store, MemoryStore)
    with pytest.raises(BadMoment, match=r"ends before it begins|in the future"):
        again(plane)


def test_the_room_of_a_transactions_other_tasks_counts(plane: Plane) -> None:
    """Three at once, two to a node: what the first two took is not there for the third."""
    for number, name in enumerate(("a", "b", "c")):
        plane.add_task(a_task(name, a_uid(number), a_spec(memory=f"{1500 + number}Mi"), created=number))
    plane.settle(plane.scheduler)
    assert len({keys.task("default", name) for name in ("a", "b", "c")}) == 3
    found = again(plane)
    assert [(each.key.name, each.now) for each in found.decisions] == [("a", "n1"), ("b", "n2"), ("c", "n1")]
    plane.pump()
    assert plane.cache.usage("n1").memory == (1500 + 1502) * MI


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["shop", "blog", "default"]), st.integers(1, 8), st.integers(0, 1)), max_size=30
    ),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_namespaces_that_waited_together_were_served_fairly_and_are_again(
    asked: list[tuple[str, int, int]], weights: tuple[int, int]
) -> None:
    plane = Plane()
    plane.lead()
    for name, weight in zip(("shop", "blog"), weights, strict=True):
        value = Namespace(metadata=Metadata(name=name), spec=NamespaceSpec(weight=weight))
        plane.put(keys.object_key(key_of(value)), value)
    plane.add_node("n1", cpu=64_000, memory=10 * GI)
    plane.add_node("n2", cpu=64_000, memory=6 * GI)
    for half in (asked[: len(asked) // 2], asked[len(asked) // 2 :]):
        for namespace, size, priority in half:
            number = len(plane.store.list(keys.TASKS).entries)
            spec = a_spec(memory=f"{size * 100}Mi", priority=priority)
            task = a_task(f"t{number}", a_uid(number), spec, created=number)
            plane.add_task(replace(task, metadata=replace(task.metadata, namespace=namespace)))
        plane.settle(plane.scheduler)
    assert other(again(plane)) == []
