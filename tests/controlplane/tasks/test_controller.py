"""Stopping, finishing and clearing away, on a store in memory: from a deletion to nothing left."""

from __future__ import annotations

import msgspec
import pytest

from taskyard import keys
from taskyard.objects import Assignment, Metadata, Task, TaskSpec, TaskState, TaskStatus
from taskyard.store.faulty import Fault, FaultyStore
from tests.support.plane import Plane, a_spec, a_task, a_uid

UID = a_uid(1)


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.lead()
    plane.settle(plane.scheduler)
    plane.report("web", TaskState.RUNNING)
    return plane


def _settle(plane: Plane) -> None:
    plane.settle(plane.tasks, plane.scheduler)


def _delete(plane: Plane, annotations: dict[str, str] | None = None) -> None:
    task = plane.task("web")
    metadata = msgspec.structs.replace(
        task.metadata, deletion_timestamp="2026-11-22T20:57:48.123Z", annotations=annotations or {}
    )
    plane.add_task(msgspec.structs.replace(task, metadata=metadata))


def _left(plane: Plane) -> list[str]:
    nodes = [e.key for e in plane.store.list(keys.NODES).entries if not e.key.endswith(("/lease", "/spec"))]
    return [e.key for e in plane.store.list(keys.TASKS).entries] + nodes


def _leftover(
    plane: Plane, node: str, uid: str, *, name: str = "gone", epoch: int = 1, spec: TaskSpec | None = None
) -> None:
    plane.put(
        keys.assignment(node, uid),
        Assignment(uid=uid, namespace="default", name=name, epoch=epoch, spec_hash="h", spec=spec or a_spec()),
    )


def _report_leftover(plane: Plane, node: str, uid: str, state: TaskState) -> None:
    plane.put(keys.status(node, uid), TaskStatus(uid=uid, namespace="default", name="gone", epoch=1, state=state))


def test_a_deletion_asks_the_agent_to_stop_and_goes_no_further_by_itself(plane: Plane) -> None:
    _delete(plane)
    _settle(plane)
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert (assignment.desired, assignment.grace_period, assignment.epoch) == ("Stopped", None, 1)
    plane.report("web", TaskState.STOPPING)
    _settle(plane)
    assert len(_left(plane)) == 3


def test_a_stopped_task_goes_with_assignment_and_status_in_one_commit(plane: Plane) -> None:
    _delete(plane)
    _settle(plane)
    plane.report("web", TaskState.COMPLETED)
    before = plane.store.list(keys.ROOT).revision
    _settle(plane)
    assert _left(plane) == []
    assert plane.store.list(keys.ROOT).revision == before + 1


@pytest.mark.parametrize(
    ("annotation", "seconds"),
    [
        pytest.param("0", 0.0, id="at once"),
        pytest.param("2.5", 2.5, id="seconds"),
        pytest.param("-1", None, id="negative"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("soon", None, id="a word"),
        pytest.param("1e300", 86_400.0, id="for ever"),
    ],
)
def test_a_deletion_may_bring_its_own_grace_period(plane: Plane, annotation: str, seconds: float | None) -> None:
    _delete(plane, {"taskyard/grace-period": annotation})
    _settle(plane)
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert (assignment.desired, assignment.grace_period) == ("Stopped", seconds)


def test_a_second_deletion_may_shorten_the_first(plane: Plane) -> None:
    _delete(plane)
    _settle(plane)
    _delete(plane, {"taskyard/grace-period": "0"})
    _settle(plane)
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert assignment.grace_period == 0


def test_a_task_that_had_ended_goes_at_once(plane: Plane) -> None:
    plane.report("web", TaskState.FAILED)
    _delete(plane)
    _settle(plane)
    assert _left(plane) == []


def test_an_unbound_task_goes_at_once(plane: Plane) -> None:
    plane.add_task(a_task("never", a_uid(2), deleted=True))
    _settle(plane)
    assert keys.task("default", "never") not in _left(plane)


def test_a_task_whose_assignment_is_gone_goes_at_once(plane: Plane) -> None:
    _delete(plane)
    plane.delete(keys.assignment("n1", UID))
    _settle(plane)
    assert _left(plane) == []


def test_a_task_on_a_lost_node_goes_when_the_lease_does(plane: Plane) -> None:
    _delete(plane)
    _settle(plane)
    assert _left(plane)
    plane.delete(keys.node_lease("n1"))
    _settle(plane)
    assert _left(plane) == []


def test_a_node_that_comes_back_in_between_stops_it_properly(plane: Plane) -> None:
    _delete(plane)
    plane.delete(keys.node_lease("n1"))
    plane.pump()
    plane.add_node("n1")
    plane.tasks.step()
    assert keys.assignment("n1", UID) in _left(plane)
    plane.clock.advance(0.1)
    _settle(plane)
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert assignment.desired == "Stopped"


def test_a_status_of_an_older_epoch_does_not_finish_a_deletion(plane: Plane) -> None:
    plane.report("web", TaskState.COMPLETED)
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=a_spec(image="new")))
    _settle(plane)
    _delete(plane)
    _settle(plane)
    assert len(_left(plane)) == 3
    plane.report("web", TaskState.COMPLETED)
    _settle(plane)
    assert _left(plane) == []


def test_what_belongs_to_no_task_is_removed(plane: Plane) -> None:
    kept = _left(plane)
    _leftover(plane, "n1", a_uid(5))
    _leftover(plane, "n2", a_uid(6))
    for node, uid in (("n2", a_uid(6)), ("n3", a_uid(7))):
        plane.put(
            keys.status(node, uid),
            TaskStatus(uid=uid, namespace="default", name="gone", epoch=1, state=TaskState.RUNNING),
        )
    _settle(plane)
    assert _left(plane) == kept


def test_what_a_task_left_on_a_node_where_it_is_not_bound_is_removed(plane: Plane) -> None:
    kept = _left(plane)
    _leftover(plane, "n2", UID, name="web", epoch=0)
    plane.put(
        keys.status("n3", UID), TaskStatus(uid=UID, namespace="default", name="web", epoch=1, state=TaskState.RUNNING)
    )
    _settle(plane)
    assert _left(plane) == kept


def test_a_task_deleted_by_hand_takes_its_records_with_it(plane: Plane) -> None:
    plane.delete(keys.task("default", "web"))
    _settle(plane)
    assert _left(plane) == []


def test_a_value_that_turned_bad_does_not_stop_the_container(plane: Plane) -> None:
    kept = _left(plane)
    good = plane.task("web")
    plane.put(keys.task("default", "web"), b'{"half')
    _settle(plane)
    assert _left(plane) == kept
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert assignment.desired == "Running"
    plane.add_task(good)
    _settle(plane)
    assert plane.task("web") == good


def test_a_change_in_between_is_seen_before_anything_is_removed(plane: Plane) -> None:
    _leftover(plane, "n2", a_uid(5))
    plane.pump()
    # It turns out to be a task's after all: the sweep rests on the leftover alone, and that has changed as well.
    plane.add_task(Task(metadata=Metadata(name="late", uid=a_uid(5), generation=1, created_at="x"), spec=a_spec()))
    _leftover(plane, "n2", a_uid(5), name="late", epoch=2)
    plane.tasks.step()
    assert keys.assignment("n2", a_uid(5)) in _left(plane)


def test_fenced_out_it_removes_nothing(plane: Plane) -> None:
    _settle(plane)
    _leftover(plane, "n2", a_uid(5))
    _delete(plane)
    plane.pump()
    plane.delete(plane.elector.key)
    plane.put(plane.elector.key, b"another")
    before = _left(plane)
    plane.tasks.step()
    assert _left(plane) == before
    assert not plane.tasks.leading


@pytest.mark.parametrize(
    "fault", [pytest.param("answer lost", id="it had succeeded"), pytest.param("request lost", id="it was lost")]
)
def test_a_commit_without_an_answer_is_followed_by_another_look(fault: Fault) -> None:
    plane = Plane()
    store = FaultyStore(plane.store)
    faulty = Plane(clock=plane.clock, store=store)
    faulty.add_task(a_task("web", UID, deleted=True))
    faulty.lead()
    store.fail("commit", fault)
    faulty.tasks.step()
    faulty.clock.advance(0.1)
    _settle(faulty)
    assert _left(faulty) == []


def test_hundreds_of_deletions_share_commits(plane: Plane) -> None:
    for number in range(2, 202):
        plane.add_task(a_task(f"t{number}", a_uid(number), deleted=True))
    before = plane.store.list(keys.ROOT).revision
    _settle(plane)
    assert len(_left(plane)) == 3
    assert plane.store.list(keys.ROOT).revision - before <= 3


def test_what_went_wrong_once_is_not_remembered_when_it_has_sorted_itself_out(plane: Plane) -> None:
    _delete(plane)
    plane.pump()
    plane.delete(keys.task("default", "web"), keys.assignment("n1", UID), keys.status("n1", UID))
    plane.tasks.step()
    assert plane.tasks.queue.failing(UID)
    plane.clock.advance(1)
    _settle(plane)
    assert not plane.tasks.queue.failing(UID)


def test_a_singleton_deleted_by_hand_is_stopped_before_its_records_go(plane: Plane) -> None:
    """Whatever gets its name next waits for that."""
    _leftover(plane, "n1", a_uid(5), spec=msgspec.structs.replace(a_spec(), singleton=True))
    _settle(plane)
    assignment = plane.assignment("n1", a_uid(5))
    assert assignment is not None
    assert assignment.desired == "Stopped"
    _report_leftover(plane, "n1", a_uid(5), TaskState.STOPPING)
    _settle(plane)
    assert plane.assignment("n1", a_uid(5)) is not None
    _report_leftover(plane, "n1", a_uid(5), TaskState.COMPLETED)
    _settle(plane)
    assert plane.assignment("n1", a_uid(5)) is None


def test_a_value_put_in_the_last_moment_keeps_the_records_of_its_name(plane: Plane) -> None:
    _leftover(plane, "n2", a_uid(5))
    plane.pump()
    plane.put(keys.task("default", "gone"), b'{"apiVersion":"taskyard/v1","kind":"Task","metadata":{"name":"gone"}}')
    plane.tasks.step()
    assert keys.assignment("n2", a_uid(5)) in _left(plane)


def test_a_report_of_a_task_that_is_where_it_belongs_is_not_looked_at(plane: Plane) -> None:
    _settle(plane)
    plane.report("web", TaskState.COMPLETED)
    plane.pump()
    assert len(plane.tasks.queue) == 0
    _report_leftover(plane, "n2", UID, TaskState.RUNNING)
    plane.pump()
    assert len(plane.tasks.queue) == 1
