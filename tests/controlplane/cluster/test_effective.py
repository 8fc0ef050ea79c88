"""The state that users see, for each combination of binding, status, lease and deletion."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from controlplane.cluster import TaskRecord, Waiting, view
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Binding, TaskState, TaskStatus
from tests.support.plane import Plane, a_spec, a_task, a_uid

UID = a_uid(1)
TO_START = "waits for the agent on n1 to start it"
TO_STOP = "waits for the agent on n1 to stop the version before it"


@dataclass(frozen=True)
class Case:
    state: TaskState
    reason: str
    bound: bool = True
    deleted: bool = False
    lease: bool = True
    reported: TaskState | None = None
    reported_epoch: int = 2
    message: str | None = None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(TaskState.PENDING, "Unschedulable", bound=False), id="no binding"),
        pytest.param(Case(TaskState.SCHEDULED, "", message=TO_START), id="bound, no status"),
        pytest.param(
            Case(TaskState.SCHEDULED, "", reported=TaskState.RUNNING, reported_epoch=1, message=TO_STOP),
            id="status of an older epoch",
        ),
        pytest.param(
            Case(TaskState.SCHEDULED, "", reported=TaskState.FAILED, reported_epoch=1, message=TO_START),
            id="older epoch had ended",
        ),
        pytest.param(Case(TaskState.RUNNING, "Started", reported=TaskState.RUNNING), id="status"),
        pytest.param(Case(TaskState.LOST, "NodeLost", lease=False, reported=TaskState.RUNNING), id="lease gone"),
        pytest.param(Case(TaskState.LOST, "NodeLost", lease=False), id="lease gone before it started"),
        pytest.param(
            Case(TaskState.COMPLETED, "Started", lease=False, reported=TaskState.COMPLETED),
            id="lease gone after its end",
        ),
        pytest.param(Case(TaskState.STOPPING, "Deleted", deleted=True, reported=TaskState.RUNNING), id="deleted"),
        pytest.param(Case(TaskState.FAILED, "Started", deleted=True, reported=TaskState.FAILED), id="deleted, ended"),
        pytest.param(Case(TaskState.LOST, "NodeLost", deleted=True, lease=False), id="deleted, lease gone"),
    ],
)
def test_effective_state(case: Case) -> None:
    plane = Plane()
    task = a_task("web", UID, deleted=case.deleted)
    if case.bound:
        task = msgspec.structs.replace(task, binding=Binding(node="n1", epoch=2, spec_hash="other"))
    plane.add_task(task)
    if case.lease:
        plane.add_node("n1")
    if case.reported is not None:
        status = TaskStatus(
            uid=UID,
            namespace="default",
            name="web",
            epoch=case.reported_epoch,
            state=case.reported,
            reason="Started",
            restarts=3,
        )
        plane.put(keys.status("n1", UID), status)
    plane.pump()
    waits = Waiting("Unschedulable", "0 of 1 node fits")
    seen = view(plane.cache, plane.cache.tasks[NamedKey("default", "web")], lambda _: waits)
    assert (seen.state, seen.reason) == (case.state, case.reason)
    assert (seen.node, seen.epoch) == (("n1", 2) if case.bound else ("", 0))
    fresh = case.reported is not None and case.reported_epoch == 2
    assert seen.restarts == (3 if fresh else 0 if case.bound else None)
    assert ("restarts" in msgspec.to_builtins(seen), "attempt" in msgspec.to_builtins(seen)) == (case.bound, case.bound)
    if not case.bound:
        assert seen.message == "0 of 1 node fits"
    if case.message is not None:
        assert seen.message == case.message


def test_a_task_put_by_hand_is_pending_until_it_is_complete() -> None:
    plane = Plane()
    plane.put(
        keys.task("default", "web"),
        b'{"apiVersion":"taskyard/v1","kind":"Task","metadata":{"name":"web"},"spec":{"image":"busybox:1.35"}}',
    )
    plane.pump()
    seen = view(plane.cache, plane.cache.tasks[NamedKey("default", "web")])
    assert (seen.state, seen.reason) == (TaskState.PENDING, "Incomplete")


def test_a_running_task_whose_new_spec_fits_nowhere_says_so() -> None:
    plane = Plane()
    plane.add_node("n1")
    plane.add_task(a_task("web", UID))
    plane.lead()
    plane.settle(plane.scheduler)
    plane.report("web", TaskState.RUNNING)
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=a_spec(memory="99Gi")))
    plane.settle(plane.scheduler)

    def why(record: TaskRecord) -> Waiting:
        return Waiting("Unschedulable", f"no room for {record.key.name}")

    seen = view(plane.cache, plane.cache.tasks[NamedKey("default", "web")], why)
    assert seen.state == TaskState.RUNNING
    assert seen.message == "runs with its spec from before; the new one waits: no room for web"
