"""A lost node is back: tasks stay, return, or go where they score better, as their specs say, and never run twice."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from controlplane.placement import Explanation, explain
from controlplane.returning import controller
from controlplane.returning.decide import SETTLED
from taskyard import keys
from taskyard.objects import OnNodeLoss, Owner, Resources, TaskSpec, TaskState
from tests.support.plane import Plane, a_spec, a_task, a_uid

OnReturn = Literal["keep-newest", "keep-original", "best-score"]


@pytest.fixture
def plane() -> Plane:
    return on_n1()


def on_n1() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    return plane


def spec(on_return: OnReturn, **more: object) -> TaskSpec:
    return replace(a_spec(memory="512Mi"), on_node_loss=OnNodeLoss(on_return=on_return), **more)


def live(plane: Plane, seconds: float) -> None:
    """Agents report what they are told to run, as soon as it is there."""
    until = plane.clock.monotonic() + seconds
    while plane.clock.monotonic() < until:
        plane.clock.advance(0.5)
        plane.elector.step()
        plane.settle(plane.scheduler, plane.tasks, plane.returning)
        for key, record in list(plane.cache.tasks.items()):
            if record.node and plane.store.get(keys.node_lease(record.node)) is not None:
                status = plane.store.get(keys.status(record.node, record.uid))
                if status is None:
                    plane.report(key.name, TaskState.RUNNING)
        assert all(len(plane.cache.assignments_of(r.uid)) <= 1 for r in plane.cache.tasks.values())


def lose(plane: Plane, node: str) -> None:
    plane.delete(keys.node_lease(node))


def add(plane: Plane, name: str, number: int, what: TaskSpec) -> None:
    plane.add_task(a_task(name, a_uid(number), what))


@pytest.mark.parametrize(
    ("on_return", "ends_up"),
    [("keep-newest", "n2"), ("keep-original", "n1"), ("best-score", "n1")],
)
def test_where_it_ends_up(plane: Plane, on_return: OnReturn, ends_up: str) -> None:
    add(plane, "web", 1, spec(on_return))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 5)
    assert plane.node_of("web") == "n2"
    add(plane, "other", 2, a_spec(memory="3Gi"))
    live(plane, 2)
    plane.add_node("n1")
    live(plane, SETTLED - 2)
    assert plane.node_of("web") == "n2", "a node has to be back for a while"
    live(plane, 10)
    assert plane.node_of("web") == ends_up
    binding = plane.task("web").binding
    assert binding is not None
    assert binding.epoch == (2 if ends_up == "n2" else 3)
    assert len(plane.told("Returning")) == (ends_up == "n1")


def test_the_better_score_may_be_where_it_is(plane: Plane) -> None:
    add(plane, "web", 1, spec("best-score"))
    live(plane, 2)
    plane.add_node("n2", cpu=64000, memory=2**40)
    lose(plane, "n1")
    live(plane, 5)
    plane.add_node("n1")
    live(plane, 120)
    assert plane.node_of("web") == "n2"
    (held,) = plane.told("ReturnHeld")
    assert held.message == "n1 is back, where it scores better by 0.00 than on n2, which is too little"


def test_through_two_losses_the_first_node_counts(plane: Plane) -> None:
    add(plane, "web", 1, spec("keep-original"))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 15)
    plane.add_node("n3")
    lose(plane, "n2")
    live(plane, 25)
    assert plane.node_of("web") == "n3"
    plane.add_node("n2")
    live(plane, 60)
    assert plane.node_of("web") == "n3"
    plane.add_node("n1")
    live(plane, 60)
    assert plane.node_of("web") == "n1"


def test_as_many_stay_as_the_budget_says(plane: Plane) -> None:
    for number, name in enumerate(("a", "b")):
        add(plane, name, number, spec("keep-original", min_available=2))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 5)
    plane.add_node("n1")
    live(plane, 90)
    assert {plane.node_of(name) for name in ("a", "b")} == {"n2"}
    add(plane, "c", 3, a_spec())
    live(plane, 60)
    assert {plane.node_of(name) for name in ("a", "b")} == {"n1"}


def test_where_there_is_no_room_it_waits_for_some(plane: Plane) -> None:
    add(plane, "web", 1, spec("keep-original"))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 5)
    plane.add_node("n1", memory=2**20)
    live(plane, 60)
    assert plane.node_of("web") == "n2"
    assert [event.message for event in plane.told("ReturnHeld")] == ["it does not fit on n1, which is back (memory)"]
    plane.add_node("n1")
    live(plane, 60)
    assert plane.node_of("web") == "n1"


def test_a_node_that_comes_and_goes_brings_nothing_back(plane: Plane) -> None:
    add(plane, "web", 1, spec("keep-original"))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 5)
    for _ in range(4):
        plane.add_node("n1")
        live(plane, SETTLED - 5)
        lose(plane, "n1")
        live(plane, 3)
    assert plane.node_of("web") == "n2"


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(["keep-newest", "keep-original", "best-score"]), min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(["n1", "n2", "n3"]), st.sampled_from([1.0, 20.0, 50.0])), max_size=6),
)
def test_one_assignment_each_and_all_at_rest_whatever_comes_and_goes(
    wishes: list[OnReturn], story: list[tuple[str, float]]
) -> None:
    plane = on_n1()
    for number, wish in enumerate(wishes):
        add(plane, f"t{number}", number, spec(wish))
    live(plane, 2)
    plane.add_node("n2")
    plane.add_node("n3")
    for node, seconds in story:
        if plane.store.get(keys.node_lease(node)) is None:
            plane.add_node(node)
        else:
            lose(plane, node)
        live(plane, seconds)
    for node in ("n1", "n2", "n3"):
        if plane.store.get(keys.node_lease(node)) is None:
            plane.add_node(node)
    live(plane, 150)
    before = plane.store.list(keys.TASKS)
    for number, wish in enumerate(wishes):
        binding = plane.task(f"t{number}").binding
        assert binding is not None
        assert wish != "keep-original" or not binding.lost_from
    live(plane, 60)
    assert plane.store.list(keys.TASKS).entries == before.entries


def test_of_a_large_service_few_are_looked_at_closely_at_each_change(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner(kind="Service", name="web", uid=a_uid(99))
    for number in range(30):
        task = a_task(f"web-{number}", a_uid(number), replace(spec("keep-original"), resources=Resources(memory="8Mi")))
        plane.add_task(replace(task, metadata=replace(task.metadata, owner=owner)))
    live(plane, 2)
    plane.add_node("n2")
    lose(plane, "n1")
    live(plane, 10)
    assert {plane.node_of(f"web-{number}") for number in range(30)} == {"n2"}
    plane.add_node("n1")
    looks = []

    def counted(*asked: Any, **more: Any) -> Explanation:
        looks.append(asked)
        return explain(*asked, **more)

    monkeypatch.setattr(controller, "explain", counted)
    live(plane, SETTLED + 40)
    assert {plane.node_of(f"web-{number}") for number in range(30)} == {"n1"}
    assert len(looks) < 3 * 30
