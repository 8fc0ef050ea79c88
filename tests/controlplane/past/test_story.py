"""What is told of the writes of one key: who changed what."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.past import Change, changes_of, events_of, lives_of, states_of
from taskyard import keys
from taskyard.annotations import COLLECTED
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, NodeSpec, Owner, Task, TaskState
from tests.support.plane import Plane, a_spec, a_task, a_uid

WEB = ObjectKey("Task", "default", "web")


def told(plane: Plane, key: ObjectKey = WEB) -> list[tuple[str, str]]:
    return [(change.what, change.by) for change in changes(plane, key)]


def changes(plane: Plane, key: ObjectKey = WEB) -> list[Change]:
    path = keys.node_spec(key.name) if key.kind == "Node" else keys.object_key(key)
    return changes_of(key, None, events_of(plane.store, path, 1, plane.store.list(keys.ROOT).revision))


def with_metadata(task: Task, **fields: object) -> Task:
    return replace(task, metadata=replace(task.metadata, **fields))


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    made.add_node("n1")
    made.add_task(a_task("web", a_uid(1), a_spec(image="busybox:1.35")))
    return made


def test_what_was_collected_was_not_deleted_by_a_user(plane: Plane) -> None:
    gone = with_metadata(plane.task("web"), deletion_timestamp="2026-11-22T20:57:48Z")
    plane.add_task(replace(gone, metadata=replace(gone.metadata, annotations={COLLECTED: "its time has come"})))
    assert told(plane) == [("created", "user"), ("to be deleted", "garbage collector")]


def test_a_life(plane: Plane) -> None:
    plane.lead()
    plane.settle(plane.scheduler)
    plane.add_task(replace(plane.task("web"), spec=a_spec(image="busybox:1.36")))
    plane.add_task(with_metadata(plane.task("web"), deletion_timestamp="2026-11-22T20:57:48Z"))
    plane.delete(keys.task("default", "web"))
    assert told(plane) == [
        ("created", "user"),
        ("bound to n1", "scheduler"),
        ("changed", "user"),
        ("to be deleted", "user"),
        ("removed", "controllers"),
    ]
    field = changes(plane)[2].fields[0]
    assert (field.path, field.old, field.new) == ("spec.image", "busybox:1.35", "busybox:1.36")


def test_who_it_was(plane: Plane) -> None:
    task = plane.task("web")
    plane.add_task(with_metadata(task, annotations={"taskyard/changed-by": "ann", "taskyard/change-cause": "hotfix"}))
    kept = with_metadata(plane.task("web"), labels={"a": "b"}, source="folder/demo")
    plane.add_task(with_metadata(kept, annotations={"taskyard/change-cause": "hotfix"}))
    plane.add_task(a_task("api-0", a_uid(2)))
    owned = with_metadata(a_task("api-0", a_uid(3)), owner=Owner(kind="Service", name="api", uid=a_uid(9)))
    plane.add_task(owned)
    assert [(each.what, each.by, each.why) for each in changes(plane)][1:] == [
        ("changed", "ann", "hotfix"),
        ("changed", "folder/demo", ""),
        ("taken over", "folder/demo", "from a user"),
    ]
    assert told(plane, ObjectKey("Task", "default", "api-0"))[1] == ("created", "service/api")


def test_a_value_put_by_hand_that_nobody_can_read(plane: Plane) -> None:
    plane.put(keys.task("default", "web"), b"{")
    assert told(plane)[1] == ("unreadable", "somebody, by hand")
    plane.delete(keys.task("default", "web"))
    assert told(plane)[2] == ("removed", "user")


def test_one_of_the_same_beginning_is_another(plane: Plane) -> None:
    plane.add_task(a_task("web-2", a_uid(2)))
    assert len(changes(plane)) == 1


def test_what_the_agent_said(plane: Plane) -> None:
    plane.lead()
    plane.settle(plane.scheduler)
    for state in (TaskState.STARTING, TaskState.RUNNING, TaskState.RUNNING):
        plane.report("web", state)
    status = keys.status("n1", a_uid(1))
    found = states_of("n1", None, events_of(plane.store, status, 1, plane.store.list(keys.ROOT).revision))
    assert [(each.what, each.by) for each in found] == [("Starting", "agent/n1"), ("Running", "agent/n1")]


def test_a_node_by_its_operator_and_its_lease(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "a"}))
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "b"}, cordoned=True))
    plane.delete(keys.node_lease("n1"))
    spec = changes(plane, ObjectKey("Node", "default", "n1"))
    assert [(each.path, each.old, each.new) for each in spec[1].fields] == [
        ("spec.labels.zone", "a", "b"),
        ("spec.cordoned", False, True),
    ]
    last = plane.store.list(keys.ROOT).revision
    lives = lives_of("n1", events_of(plane.store, keys.node_lease("n1"), 1, last))
    assert [each.what for each in lives] == ["there", "gone"]
