"""The deadline of a drain: what is still there then is stopped, whatever holds it."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from controlplane.evictions.decide import left
from taskyard.clock import timestamp
from taskyard.objects import Drain, Metadata, NodeSpec, TaskState, Toleration, Update
from tests.controlplane.evictions.test_stand_ins import begin, step, stopped
from tests.support.plane import Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    return plane


def drain(plane: Plane, seconds: float) -> None:
    deadline = timestamp(plane.clock.now() + seconds)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True, drain=Drain(deadline=deadline)))
    step(plane)


def add(plane: Plane, **spec: object) -> None:
    plane.add_node("n1")
    plane.add_task(a_task("web", a_uid(1), replace(a_spec(memory="64Mi"), **spec)))
    step(plane)
    plane.report("web", TaskState.RUNNING)
    step(plane)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, math.inf),
        (Drain(), math.inf),
        (Drain(deadline="soon"), math.inf),
        (Drain(deadline="1970-01-01T00:01:40Z"), 40.0),
        (Drain(deadline="1970-01-01T00:00:40Z"), 0.0),
    ],
    ids=["no drain", "no deadline", "none that is a moment", "ahead", "over"],
)
def test_how_long_there_is(asked: Drain | None, seconds: float) -> None:
    assert left(asked, 60.0) == seconds


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"min_available": 1}, id="a budget"),
        pytest.param({"tolerations": [Toleration(operator="Exists", toleration_seconds=600)]}, id="its patience"),
    ],
)
def test_until_then_it_stays_and_not_any_longer(plane: Plane, spec: dict[str, object]) -> None:
    add(plane, **spec)
    drain(plane, 100)
    step(plane, 99)
    assert stopped(plane) == []
    step(plane, 2)
    assert stopped(plane) == ["web"]
    assert plane.told("Evicted")[-1].message == "evicted from n1: the node is drained, and its deadline is over"


def test_nor_does_it_wait_for_its_stand_in(plane: Plane) -> None:
    begin(plane, replicas=2, update=Update(order="start-first"))
    drain(plane, 20)
    assert stopped(plane) == []
    step(plane, 21)
    assert stopped(plane) == ["web-0", "web-1"]


def test_at_once_with_a_deadline_of_now(plane: Plane) -> None:
    add(plane, min_available=1)
    drain(plane, 0)
    assert stopped(plane) == ["web"]


def test_what_tolerates_drains_stays(plane: Plane) -> None:
    add(plane, tolerations=[Toleration(key="taskyard/drain", operator="Exists")])
    drain(plane, 10)
    step(plane, 60)
    assert stopped(plane) == []


def test_what_runs_once_is_left_to_its_end(plane: Plane) -> None:
    add(plane)
    task = plane.task("web")
    plane.add_task(replace(task, spec=replace(task.spec, run_once=True)))
    drain(plane, 10)
    step(plane, 60)
    assert stopped(plane) == []


def test_it_is_as_nobody_had_asked_once_it_is_undone(plane: Plane) -> None:
    add(plane, min_available=1)
    drain(plane, 30)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    step(plane, 120)
    assert stopped(plane) == []
