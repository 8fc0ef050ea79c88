"""The deadline of a drain: what is still there then is stopped, whatever holds it."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from controlplane.cluster import view
from controlplane.evictions.decide import left
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey
from taskyard.objects import (
    Drain,
    Metadata,
    NodeSpec,
    Restart,
    Taint,
    TaskState,
    TaskStatus,
    Toleration,
    Update,
    decode,
)
from taskyard.objects.status import STOPPED
from tests.controlplane.evictions.test_stand_ins import begin, step, stopped
from tests.support.plane import Plane, a_spec, a_task, a_uid

ONCE: dict[str, object] = {"run_once": True, "restart": Restart(policy="never")}


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    return plane


def drain(plane: Plane, seconds: float, *, force: bool = False) -> None:
    asked = Drain(deadline=timestamp(plane.clock.now() + seconds), force=force)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True, drain=asked))
    step(plane)


def held(plane: Plane) -> str:
    """Why one stays, as was told last."""
    return max(plane.told("EvictionHeld"), key=lambda event: event.last_seen).message


def report_stopped(plane: Plane, name: str) -> None:
    """Its agent has stopped it, as it was asked to."""
    plane.report(name, TaskState.COMPLETED)
    key = keys.status("n1", plane.task(name).metadata.uid)
    entry = plane.store.get(key)
    assert entry is not None
    plane.put(key, replace(decode(entry.value, TaskStatus), reason=STOPPED))


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


def test_what_runs_once_is_left_to_its_end_and_that_is_told(plane: Plane) -> None:
    add(plane, **ONCE)
    drain(plane, 10)
    step(plane, 60)
    assert stopped(plane) == []
    assert "runs once, and stays until it has ended: 'taskyard drain n1 --force'" in held(plane)


def test_by_force_it_is_cut_short_at_the_deadline_and_not_run_again(plane: Plane) -> None:
    add(plane, **ONCE)
    plane.add_node("n2")
    drain(plane, 10, force=True)
    step(plane, 9)
    assert stopped(plane) == []
    assert "or until the drain's deadline" in held(plane)
    step(plane, 2)
    assert stopped(plane) == ["web"]
    report_stopped(plane, "web")
    step(plane, 60)
    assert (plane.task("web").binding.epoch, plane.node_of("web")) == (1, "n1")
    seen = view(plane.cache, plane.cache.tasks[NamedKey("default", "web")])
    assert (seen.state, seen.reason) == (TaskState.FAILED, "Evicted")
    assert seen.message == (
        "evicted from n1: the node is drained, and its deadline is over; it runs once, so it is not run again"
    )


def test_what_ended_by_itself_just_before_it_was_cut_short_has_done_its_work(plane: Plane) -> None:
    add(plane, **ONCE)
    drain(plane, 0, force=True)
    assert stopped(plane) == ["web"]
    plane.report("web", TaskState.COMPLETED)
    step(plane)
    assert view(plane.cache, plane.cache.tasks[NamedKey("default", "web")]).state is TaskState.COMPLETED


def test_by_force_what_tolerates_drains_and_no_other_taint_is_left_to_its_end_all_the_same(plane: Plane) -> None:
    add(plane, tolerations=[Toleration(key="taskyard/drain", operator="Exists")], **ONCE)
    deadline = timestamp(plane.clock.now())
    spec = NodeSpec(metadata=Metadata(name="n1"), drain=Drain(deadline=deadline, force=True))
    plane.set_node(replace(spec, taints=[Taint(key="broken", effect="NoExecute")]))
    step(plane, 60)
    assert stopped(plane) == []


def test_it_is_as_nobody_had_asked_once_it_is_undone(plane: Plane) -> None:
    add(plane, min_available=1)
    drain(plane, 30)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    step(plane, 120)
    assert stopped(plane) == []
