"""A singleton is bound to another node only once nothing of it can run where it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from controlplane.cluster.effective import view
from controlplane.nodeloss.outlook import SURELY_DEAD
from controlplane.placement import Placer
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Metadata, NodeSpec, OnNodeLoss, TaskSpec, TaskState, TaskStatus
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid

UID = a_uid(1)


def spec(singleton: bool = True, **changes: Any) -> TaskSpec:
    return msgspec.structs.replace(a_spec(), singleton=singleton, **changes)


@pytest.fixture
def plane() -> Plane:
    """`db` runs on n1, the larger node."""
    plane = Plane()
    plane.add_node("n1", memory=8 * GI)
    plane.add_node("n2")
    plane.lead()
    plane.add_task(a_task("db", UID, spec()))
    plane.live(0)
    assert plane.node_of("db") == "n1"
    plane.report("db", TaskState.RUNNING)
    return plane


def edit(plane: Plane, wanted: TaskSpec) -> None:
    """A new spec, while n1 takes nothing new."""
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    task = plane.task("db")
    plane.add_task(msgspec.structs.replace(task, spec=wanted))
    plane.live(1)


def desired(plane: Plane, node: str) -> str:
    found = plane.assignment(node, UID)
    return found.desired if found else ""


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(spec(env={"A": "b"}), id="it stays one"),
        pytest.param(spec(singleton=False), id="it was one"),
    ],
)
def test_it_is_stopped_on_a_living_node_before_it_moves(plane: Plane, wanted: TaskSpec) -> None:
    edit(plane, wanted)
    assert (desired(plane, "n1"), desired(plane, "n2"), plane.node_of("db")) == ("Stopped", "", "n1")
    shown = view(plane.cache, plane.cache.tasks[NamedKey("default", "db")])
    assert (shown.state, shown.reason) == (TaskState.STOPPING, "Moving")
    told = [event.message for event in plane.told("Moving")]
    assert told == ["a singleton: it is stopped on n1 before it starts on n2"]
    plane.report("db", TaskState.COMPLETED)
    plane.live(0)
    assert (desired(plane, "n1"), desired(plane, "n2"), plane.node_of("db")) == ("", "Running", "n2")
    assert plane.store.get(keys.status("n1", UID)) is None


def test_its_end_is_heard_also_while_it_is_being_decided(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(plane, spec(env={"A": "b"}))
    place = Placer.place

    def while_it_ends(placer: Placer, *asked: Any) -> Any:
        plane.report("db", TaskState.COMPLETED)
        plane.pump()
        return place(placer, *asked)

    plane.add_task(msgspec.structs.replace(plane.task("db"), spec=spec(env={"A": "c"})))
    plane.pump()
    with monkeypatch.context() as patch:
        patch.setattr(Placer, "place", while_it_ends)
        plane.scheduler.step()
    plane.live(1)
    assert (desired(plane, "n1"), plane.node_of("db")) == ("", "n2")


def test_another_task_moves_at_once(plane: Plane) -> None:
    plane.add_task(a_task("web", a_uid(2)))
    plane.live(0)
    node = plane.node_of("web")
    plane.set_node(NodeSpec(metadata=Metadata(name=node), cordoned=True))
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=spec(singleton=False, env={"A": "b"})))
    plane.live(0)
    assert plane.node_of("web") not in ("", node)


def test_should_its_node_take_it_again_meanwhile_it_starts_there_anew(plane: Plane) -> None:
    edit(plane, spec(env={"A": "b"}))
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    plane.report("db", TaskState.COMPLETED)
    plane.live(1)
    assert (desired(plane, "n1"), plane.node_of("db")) == ("Running", "n1")
    binding = plane.task("db").binding
    assert binding is not None
    assert binding.epoch == 2


def test_an_edit_that_is_taken_back_leaves_it_running(plane: Plane) -> None:
    edit(plane, spec(env={"A": "b"}))
    plane.add_task(msgspec.structs.replace(plane.task("db"), spec=spec()))
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    plane.live(1)
    assert (desired(plane, "n1"), plane.node_of("db")) == ("Running", "n1")


@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "with a new spec"])
def test_from_a_lost_node_it_moves_only_when_it_is_surely_dead(plane: Plane, edited: bool) -> None:
    plane.delete(keys.node_lease("n1"))
    plane.live(0)
    if edited:
        plane.add_task(msgspec.structs.replace(plane.task("db"), spec=spec(env={"A": "b"})))
    plane.live(SURELY_DEAD - 0.25)
    assert plane.node_of("db") == "n1"
    plane.live(0.5)
    assert plane.node_of("db") == "n2"


def test_its_own_delay_counts_when_it_is_longer(plane: Plane) -> None:
    plane.add_task(a_task("late", a_uid(3), spec(on_node_loss=OnNodeLoss(after="5s"))))
    plane.live(0)
    node = plane.node_of("late")
    plane.delete(keys.node_lease(node))
    plane.live(4.5)
    assert plane.node_of("late") == node
    plane.live(1)
    assert plane.node_of("late") not in ("", node)


def test_a_node_that_is_back_before_the_commit_keeps_it(plane: Plane) -> None:
    plane.delete(keys.node_lease("n1"))
    plane.live(0)
    plane.add_task(msgspec.structs.replace(plane.task("db"), spec=spec(env={"A": "b"})))
    plane.pump()
    plane.clock.advance(SURELY_DEAD + 0.1)
    plane.add_node("n1", memory=8 * GI)
    plane.scheduler.step()
    assert plane.node_of("db") == "n1"
    plane.live(1)
    assert (desired(plane, "n1"), plane.node_of("db")) == ("Running", "n1"), "with the new spec, where it is"


def test_one_of_the_same_name_is_awaited_whose_key_was_overwritten_by_hand(plane: Plane) -> None:
    plane.delete(keys.task("default", "db"))
    plane.add_task(a_task("db", a_uid(9), spec()))
    plane.live(1)
    assert (desired(plane, "n1"), plane.node_of("db")) == ("Stopped", "")
    ended = TaskStatus(uid=UID, namespace="default", name="db", epoch=1, state=TaskState.COMPLETED)
    plane.put(keys.status("n1", UID), ended)
    plane.live(1)
    assert plane.node_of("db") != ""
