"""diff: what an apply changes, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard.manifest import FieldChange, diff, read_object
from taskyard.objects import Task

BASE: dict[str, Any] = {
    "image": "a:1",
    "args": ["x", "y"],
    "env": {"A": "1", "B": "2"},
    "ports": [{"container": 80, "host": 8080}, {"container": 81}],
    "volumes": [{"name": "data", "target": "/d"}],
}


def _task(labels: dict[str, str] | None = None, **spec: Any) -> Task:
    metadata = {"name": "web", "labels": labels or {}}
    task = read_object({"apiVersion": "taskyard/v1", "kind": "Task", "metadata": metadata, "spec": BASE | spec})
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        pytest.param(_task(), [], id="nothing"),
        pytest.param(_task(resources={"memory": "1Gi"}), [("spec.resources.memory", None, "1Gi")], id="added"),
        pytest.param(_task(image="a:2"), [("spec.image", "a:1", "a:2")], id="changed"),
        pytest.param(_task(labels={"t": "x"}), [("metadata.labels.t", None, "x")], id="label"),
        pytest.param(_task(restart={"policy": "never"}), [("spec.restart.policy", "always", "never")], id="default"),
        pytest.param(
            _task(env={"B": "3", "C.d": "1"}),
            [("spec.env.A", "1", None), ("spec.env.B", "2", "3"), ('spec.env["C.d"]', None, "1")],
            id="env",
        ),
        pytest.param(_task(args=["x"]), [("spec.args[1]", "y", None)], id="item-removed"),
        pytest.param(
            _task(args=["z", "y", "w"]), [("spec.args[0]", "x", "z"), ("spec.args[2]", None, "w")], id="items"
        ),
        pytest.param(
            _task(ports=[{"container": 81}, {"container": 80, "host": 8081}]),
            [("spec.ports[1].host", 8080, 8081)],
            id="ports-by-container-port",
        ),
        pytest.param(
            _task(ports=[{"container": 80, "host": 8080}, {"container": 81, "protocol": "udp"}]),
            [("spec.ports[1]", None, {"container": 81, "protocol": "udp"}), ("spec.ports[1]", {"container": 81}, None)],
            id="another-protocol-is-another-port",
        ),
        pytest.param(
            _task(volumes=[{"type": "tmpfs", "target": "/t"}, {"name": "data", "target": "/d", "readOnly": True}]),
            [
                ("spec.volumes[0]", None, {"target": "/t", "type": "tmpfs"}),
                ("spec.volumes[1].readOnly", False, True),
            ],
            id="volumes-by-target",
        ),
        pytest.param(
            _task(healthCheck={"command": ["a"]}), [("spec.healthCheck", None, {"command": ["a"]})], id="whole-part"
        ),
    ],
)
def test_changes_are_told_field_by_field(new: Task, changes: list[tuple[str, Any, Any]]) -> None:
    assert diff(_task(), new) == [FieldChange(*change) for change in changes]
    assert {(change.old, change.new) for change in diff(new, _task()) if change.path == "spec.image"} == {
        (new, old) for path, old, new in changes if path == "spec.image"
    }


def test_a_new_task_is_all_changes_and_a_deleted_one_too() -> None:
    created = diff(None, _task(labels={"t": "x"}))
    assert [change.path for change in created] == [
        "metadata.labels.t",
        *(f"spec.{name}" for name in ("image", "args", "env", "ports", "volumes")),
    ]
    assert all(change.old is None for change in created)
    assert [(change.path, change.new) for change in diff(_task(labels={"t": "x"}), None)] == [
        (change.path, None) for change in created
    ]
    assert diff(None, None) == []
