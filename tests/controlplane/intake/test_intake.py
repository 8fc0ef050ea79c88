"""Tasks put by hand with etcdctl: completed, taken over, copied, or set aside with an event."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Service, TaskState, encode
from tests.support.plane import Plane, a_spec, a_task, a_uid

BY_HAND = b'{"apiVersion":"taskyard/v1","kind":"Task","metadata":{"name":"web"},"spec":{"image":"busybox:1.35"%s}}'
KEY = keys.task("default", "web")
UID = a_uid(1)


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.add_node("n1")
    plane.lead()
    return plane


def _settle(plane: Plane) -> None:
    plane.settle(plane.intake, plane.tasks, plane.scheduler)


def test_a_valid_task_is_completed_and_runs(plane: Plane) -> None:
    plane.put(KEY, BY_HAND % b',"resources":{"memory":"1024Mi","cpu":0.5}')
    _settle(plane)
    task = plane.task("web")
    assert re.fullmatch("[0-9a-f]{12}", task.metadata.uid)
    assert (task.metadata.created_at, task.metadata.generation) == ("2023-11-14T22:13:20.000Z", 1)
    assert (task.spec.resources.memory, task.spec.resources.cpu) == ("1Gi", "500m")
    assert plane.node_of("web") == "n1"
    assert plane.assignment("n1", task.metadata.uid) is not None


def test_a_complete_task_is_left_alone(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    plane.settle(plane.intake)
    entry = plane.store.get(KEY)
    assert entry is not None
    assert entry.version == 1


def test_a_manifest_put_over_a_running_task_is_an_update_of_it(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    _settle(plane)
    plane.report("web", TaskState.RUNNING)
    plane.put(KEY, BY_HAND % b',"args":["sleep","9"]')
    _settle(plane)
    task, assignment = plane.task("web"), plane.assignment("n1", UID)
    assert assignment is not None
    assert task.metadata.uid == UID
    assert (assignment.epoch, assignment.spec.args) == (2, ["sleep", "9"])


def test_the_task_controller_waits_for_the_intake(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    _settle(plane)
    plane.put(KEY, BY_HAND % b"")
    plane.settle(plane.tasks)
    assert plane.assignment("n1", UID) is not None


def test_a_copy_to_another_key_is_a_task_of_its_own(plane: Plane) -> None:
    plane.add_task(a_task("web", UID))
    _settle(plane)
    entry = plane.store.get(KEY)
    assert entry is not None
    plane.put(keys.task("default", "copy"), entry.value.replace(b'"name":"web"', b'"name":"copy"'))
    _settle(plane)
    copy = plane.task("copy")
    assert copy.metadata.uid not in ("", UID)
    assert copy.binding is not None
    assert copy.binding.epoch == 1
    assert plane.assignment("n1", copy.metadata.uid) is not None
    assignment = plane.assignment("n1", UID)
    assert assignment is not None
    assert (assignment.name, assignment.epoch) == ("web", 1)


def test_a_binding_without_a_uid_is_not_believed(plane: Plane) -> None:
    plane.put(KEY, BY_HAND[:-1] % b"" + b',"binding":{"node":"n9","epoch":4,"specHash":"x"}}')
    _settle(plane)
    assert plane.node_of("web") == "n1"


@pytest.mark.parametrize(
    ("key", "value", "about", "namespace"),
    [
        pytest.param("tasks/default/web", b"{oops", ("Task", "web"), "default", id="task that is not JSON"),
        pytest.param(
            "tasks/default/web", BY_HAND % b',"imag":"x"', ("Task", "web"), "default", id="task with an unknown field"
        ),
        pytest.param("tasks/default/other", BY_HAND % b"", ("Task", "other"), "default", id="task of another name"),
        pytest.param("tasks/web", BY_HAND % b"", ("Key", "tasks.web"), "_cluster", id="not a task's key"),
        pytest.param("nodes/n1/spec", b"[]", ("Node", "n1"), "_cluster", id="node spec"),
        pytest.param(f"nodes/n1/status/{UID}", b"7", ("Node", "n1"), "_cluster", id="status"),
    ],
)
def test_an_invalid_value_gets_an_event_and_is_left_as_it_is(
    plane: Plane, key: str, value: bytes, about: tuple[str, str], namespace: str
) -> None:
    plane.put(keys.ROOT + key, value)
    _settle(plane)
    (event,) = plane.told("Quarantined")
    assert (event.type, event.about.kind, event.about.name, event.namespace) == ("Warning", *about, namespace)
    assert event.message.startswith(f"{keys.ROOT}{key} is ignored until its value is changed: ")
    entry = plane.store.get(keys.ROOT + key)
    assert entry is not None
    assert entry.value == value


def test_a_value_that_is_put_right_runs(plane: Plane) -> None:
    plane.put(KEY, BY_HAND % b',"imag":"x"')
    _settle(plane)
    plane.put(KEY, BY_HAND % b"")
    _settle(plane)
    assert plane.node_of("web") == "n1"
    assert len(plane.told("Quarantined")) == 1


def test_a_change_in_between_is_not_overwritten(plane: Plane) -> None:
    plane.put(KEY, BY_HAND % b"")
    plane.pump()
    plane.put(KEY, BY_HAND % b',"args":["newer"]')
    plane.intake.step()
    entry = plane.store.get(KEY)
    assert entry is not None
    assert entry.value == BY_HAND % b',"args":["newer"]'
    plane.clock.advance(0.1)
    _settle(plane)
    assert plane.task("web").spec.args == ["newer"]


def test_fenced_out_it_writes_nothing(plane: Plane) -> None:
    plane.put(KEY, BY_HAND % b"")
    plane.pump()
    plane.delete(plane.elector.key)
    plane.put(plane.elector.key, b"another")
    plane.intake.step()
    entry = plane.store.get(KEY)
    assert entry is not None
    assert entry.version == 1
    assert not plane.intake.leading


def test_junk_everywhere_stops_nobody(plane: Plane) -> None:
    for key in ("tasks/x", "tasks/a/b/c/d", "tasks/default/bad", "nodes/n1/spec", "nodes//lease", "nodes/n2/lease"):
        for value in (b"", b"\xff", b"null", b"[]", b"{}", b'{"a":NaN}', b"[" * 50_000, b'{"metadata":{"name":7}}'):
            plane.put(keys.ROOT + key, value)
            _settle(plane)
    for part in ("stats", f"assignments/{UID}", f"status/{UID}", "assignments/../x", "what/ever/else"):
        plane.put(f"{keys.node_prefix('n1')}{part}", b'{"uid":[]}')
        _settle(plane)
    plane.put(KEY, BY_HAND % b"")
    _settle(plane)
    assert plane.node_of("web") == "n1"


def test_what_went_wrong_once_is_not_remembered_when_it_has_sorted_itself_out(plane: Plane) -> None:
    plane.put(KEY, BY_HAND % b"")
    plane.pump()
    plane.delete(KEY)
    plane.intake.step()
    assert plane.intake.queue.failing(ObjectKey("Task", "default", "web"))
    plane.clock.advance(1)
    _settle(plane)
    assert not plane.intake.queue.failing(ObjectKey("Task", "default", "web"))


CONFIG = keys.object_key(ObjectKey("Config", "shop", "app"))
CONFIG_BY_HAND = b'{"apiVersion":"taskyard/v1","kind":"Config","metadata":{"name":"app"},"spec":{"data":{}}}'


def test_other_kinds_are_completed_too_and_a_copy_gets_a_uid_of_its_own(plane: Plane) -> None:
    plane.put(CONFIG, CONFIG_BY_HAND)
    _settle(plane)
    found = plane.cache.find(ObjectKey("Config", "shop", "app"))
    assert found is not None
    assert (found.metadata.namespace, found.metadata.generation, len(found.metadata.uid)) == ("shop", 1, 12)
    copy = encode(replace(found, metadata=replace(found.metadata, name="copy")))
    plane.put(keys.object_key(ObjectKey("Config", "shop", "copy")), copy)
    _settle(plane)
    second = plane.cache.find(ObjectKey("Config", "shop", "copy"))
    assert second is not None
    assert second.metadata.uid not in ("", found.metadata.uid)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (CONFIG, b'{"kind":"Config"}', "apiVersion is missing"),
        (CONFIG, CONFIG_BY_HAND.replace(b"Config", b"Secret"), "a Secret under the key of a config"),
        (CONFIG, CONFIG_BY_HAND.replace(b'"app"', b'"other"'), "its key says shop/app"),
        (keys.ROOT + "configs/app", CONFIG_BY_HAND, "configs/<namespace>/<name>"),
        (keys.ROOT + "namespaces/a/b", b"{}", "namespaces/<name>"),
    ],
)
def test_what_cannot_be_read_of_other_kinds_is_set_aside_too(plane: Plane, key: str, value: bytes, why: str) -> None:
    plane.put(key, value)
    _settle(plane)
    (event,) = plane.told("Quarantined")
    assert why in event.message


def test_a_complete_task_that_changes_is_not_looked_at(plane: Plane) -> None:
    plane.settle(plane.intake)
    plane.add_task(a_task("web", UID))
    plane.pump()
    assert len(plane.intake.queue) == 0
    plane.add_task(a_task("web", UID, a_spec(memory="1024Mi")))
    plane.pump()
    assert len(plane.intake.queue) == 1
    plane.settle(plane.intake)
    assert plane.task("web").spec.resources.memory == "1Gi"


def test_what_is_put_by_hand_has_its_namespaces_defaults_and_what_is_complete_is_left_alone(plane: Plane) -> None:
    plane.add_task(a_task("old", UID))
    key = ObjectKey("Namespace", "default", "default")
    raw = b'{"apiVersion":"taskyard/v1","kind":"Namespace","metadata":{"name":"default"},"spec":%s}'
    plane.put(keys.object_key(key), raw % b'{"defaults":{"resources":{"memory":"64Mi"}}}')
    plane.put(KEY, BY_HAND % b"")
    raw = b'{"apiVersion":"taskyard/v1","kind":"Service","metadata":{"name":"web"},"spec":{"template":{"spec":%s}}}'
    plane.put(keys.object_key(ObjectKey("Service", "default", "web")), raw % b'{"image":"busybox:1.35"}')
    _settle(plane)
    web = plane.task("web")
    assert (web.spec.resources.memory, web.metadata.defaulted) == ("64Mi", ["spec.resources.memory"])
    made = plane.cache.find(ObjectKey("Service", "default", "web"))
    assert isinstance(made, Service)
    assert made.spec.template.spec.resources.memory == "64Mi"
    assert plane.task("old").spec.resources.memory is None
