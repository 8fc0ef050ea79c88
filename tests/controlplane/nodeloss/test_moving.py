"""A lost node's tasks are placed again by the scheduler: when, by what commit, and when not."""

from __future__ import annotations

import msgspec
import pytest

from taskyard import keys
from taskyard.objects import Metadata, NodeSpec, OnNodeLoss, TaskState
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid

UID = a_uid(1)


@pytest.fixture
def plane() -> Plane:
    """`web` runs on n1, with a delay of 10 s; there is room on n2 too."""
    plane = Plane()
    plane.add_node("n1", memory=8 * GI)
    plane.add_node("n2")
    plane.lead()
    wish(plane, "web", UID, OnNodeLoss(after="10s"))
    assert plane.node_of("web") == "n1"
    plane.report("web", TaskState.RUNNING)
    return plane


def lose(plane: Plane, *nodes: str) -> None:
    plane.delete(*(keys.node_lease(node) for node in nodes))
    plane.live(0)


def epoch(plane: Plane, name: str = "web") -> int:
    binding = plane.task(name).binding
    return binding.epoch if binding else 0


def wish(plane: Plane, name: str, uid: str, what: OnNodeLoss) -> None:
    plane.add_task(a_task(name, uid, msgspec.structs.replace(a_spec(), on_node_loss=what)))
    plane.live(0)


def test_after_its_delay_it_is_bound_elsewhere_with_the_next_epoch_in_one_commit(plane: Plane) -> None:
    lose(plane, "n1")
    plane.live(9.5)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 1)
    before = plane.store.list(keys.ROOT).revision
    plane.clock.advance(0.5)
    plane.settle(plane.scheduler)
    assert (plane.node_of("web"), epoch(plane)) == ("n2", 2)
    assert plane.store.list(keys.ROOT).revision == before + 1
    assert plane.store.list(keys.node_prefix("n1")).entries == ()
    assignment = plane.assignment("n2", UID)
    assert assignment is not None
    assert (assignment.epoch, assignment.desired) == (2, "Running")
    assert plane.scheduler.metrics.moved == 1
    assert "placed on n2, since n1 is lost" in {event.message for event in plane.told("Scheduled")}
    assert [event.about.name for event in plane.told("NodeLost")] == ["n1"]


def test_without_a_delay_it_is_bound_elsewhere_as_soon_as_the_lease_is_gone(plane: Plane) -> None:
    wish(plane, "api", a_uid(2), OnNodeLoss())
    node = plane.node_of("api")
    lose(plane, node)
    assert plane.node_of("api") not in ("", node)


def test_a_node_that_is_back_in_time_keeps_its_task(plane: Plane) -> None:
    lose(plane, "n1")
    plane.live(6)
    plane.add_node("n1")
    plane.live(30)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 1)
    lose(plane, "n1")
    plane.live(9)
    assert plane.node_of("web") == "n1", "the delay is counted from when it was lost the second time"
    plane.live(1)
    assert plane.node_of("web") == "n2"


def test_a_node_that_is_back_between_decision_and_commit_keeps_its_task(plane: Plane) -> None:
    lose(plane, "n1")
    plane.live(9.5)
    plane.clock.advance(0.5)
    plane.pump()
    plane.add_node("n1")
    plane.scheduler.step()
    assert plane.scheduler.metrics.conflicts == 1
    plane.live(30)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 1)
    assert plane.scheduler.metrics.pending == 0


def test_an_end_that_is_reported_at_the_last_moment_counts(plane: Plane) -> None:
    lose(plane, "n1")
    plane.live(9.5)
    plane.clock.advance(0.5)
    plane.pump()
    plane.report("web", TaskState.COMPLETED)
    plane.scheduler.step()
    plane.live(30)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 1)


@pytest.mark.parametrize("state", [TaskState.COMPLETED, TaskState.FAILED])
def test_what_has_ended_is_not_run_again(plane: Plane, state: TaskState) -> None:
    plane.report("web", state)
    lose(plane, "n1")
    plane.live(100)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 1)


def test_a_task_that_stays_waits_for_its_node(plane: Plane) -> None:
    wish(plane, "db", a_uid(2), OnNodeLoss(policy="stay"))
    node = plane.node_of("db")
    plane.add_node("n3")
    lose(plane, node)
    plane.live(100)
    assert plane.node_of("db") == node


def test_a_task_that_is_being_deleted_is_not_placed_again(plane: Plane) -> None:
    task = plane.task("web")
    lose(plane, "n1")
    metadata = msgspec.structs.replace(task.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    plane.add_task(msgspec.structs.replace(task, metadata=metadata))
    plane.live(30)
    assert plane.store.get(keys.task("default", "web")) is None
    assert plane.store.list(keys.node_prefix("n2") + "assignments").entries == ()


def test_without_room_it_stays_lost_until_there_is_some(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    lose(plane, "n1")
    plane.live(30)
    assert plane.node_of("web") == "n1"
    assert plane.told("FailedScheduling")
    plane.set_node(NodeSpec(metadata=Metadata(name="n2")))
    plane.live(0)
    assert plane.node_of("web") == "n2"


def test_without_room_it_goes_on_where_it_was_once_that_is_back(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    lose(plane, "n1")
    plane.live(30)
    plane.add_node("n1")
    plane.live(5)
    assert (plane.node_of("web"), epoch(plane), plane.scheduler.metrics.pending) == ("n1", 1, 0)


def test_a_new_leader_counts_anew(plane: Plane) -> None:
    """Also one that saw it happen while it did not lead."""
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    lose(plane, "n1")
    other.pump()
    plane.live(8)
    plane.elector.resign()
    other.lead()
    other.live(9.5)
    assert other.node_of("web") == "n1"
    other.live(0.5)
    assert (other.node_of("web"), epoch(other)) == ("n2", 2)


def many(plane: Plane) -> None:
    """n1 to n5, and a task on each."""
    for number in (3, 4, 5):
        plane.add_node(f"n{number}")
        plane.add_task(a_task(f"t{number}", a_uid(number)))
    plane.live(0)
    for name in ("t3", "t4", "t5"):
        plane.report(name, TaskState.RUNNING)


def test_when_most_nodes_vanish_at_once_nothing_is_moved_and_people_are_told(plane: Plane) -> None:
    many(plane)
    before = {name: plane.node_of(name) for name in ("web", "t3", "t4", "t5")}
    lose(plane, "n1")
    plane.live(3)
    lose(plane, "n3", "n4")
    plane.live(600)
    assert {name: plane.node_of(name) for name in before} == before
    (event,) = plane.told("MassLoss")
    assert "3 of 5 nodes vanished within 10 s" in event.message
    assert "taskyard gone n" in event.message
    assert plane.losses.now.held == {"n1", "n3", "n4"}

    plane.add_node("n3")
    plane.live(9.5)
    assert plane.node_of("web") == "n1", "those that come back need a moment, one after the other"
    plane.live(0.5)
    assert plane.node_of("web") not in ("n1", "n4")
    assert len(plane.told("MassLossOver")) == 1


def test_an_operator_confirms_that_nodes_are_gone(plane: Plane) -> None:
    many(plane)
    lose(plane, "n1", "n3", "n4", "n5")
    plane.live(60)
    assert plane.node_of("web") == "n1"
    gone = Metadata(name="n1", annotations={"taskyard/out-of-service": "true"})
    plane.set_node(NodeSpec(metadata=gone))
    plane.live(30)
    assert plane.node_of("web") == "n2"
    assert plane.losses.now.held == {"n3", "n4", "n5"}, "the others have not been confirmed"


def test_a_task_is_moved_once_for_each_loss(plane: Plane) -> None:
    lose(plane, "n1")
    plane.live(120)
    assert (plane.node_of("web"), epoch(plane)) == ("n2", 2)
    plane.add_node("n1")
    plane.live(60)
    lose(plane, "n2")
    plane.live(120)
    assert (plane.node_of("web"), epoch(plane)) == ("n1", 3)
