"""What is to run at most once says nothing that would start it again."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard.manifest import validate


def job(task: dict[str, Any], **spec: Any) -> dict[str, Any]:
    template = {"spec": {"image": "busybox:1.35", **task}}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": template, **spec},
    }


AGAIN: list[Any] = [
    pytest.param({"restart": {"policy": "never", "exitCodes": {"always": [1]}}}, "restart.exitCodes.always", id="code"),
    pytest.param({"singleton": True}, "singleton", id="singleton"),
    pytest.param(
        {"volumes": [{"target": "/s", "type": "secret", "name": "s", "onChange": "restart"}]},
        "volumes[0].onChange",
        id="new values",
    ),
]


@pytest.mark.parametrize(("task", "field"), AGAIN)
def test_of_a_job(task: dict[str, Any], field: str) -> None:
    (problem,) = validate(job(task, guarantee="at-most-once"))
    assert problem.path == f"spec.template.spec.{field}"
    assert validate(job(task)) == []


@pytest.mark.parametrize(("task", "field"), AGAIN)
def test_of_a_task(task: dict[str, Any], field: str) -> None:
    spec = {"image": "busybox:1.35", "restart": {"policy": "never"}, "runOnce": True, **task}
    manifest = {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": "once"}, "spec": spec}
    (problem,) = validate(manifest)
    assert problem.path == f"spec.{field}"


def test_all_or_nothing_has_to_fit_one_transaction() -> None:
    large = {"env": {"DATA": "x" * 60_000}}
    (problem,) = validate(job(large, completions=20, parallelism=20, allOrNothing=True))
    assert (problem.path, "in one transaction" in problem.message) == ("spec.allOrNothing", True)
    assert validate(job(large, completions=5, parallelism=5, allOrNothing=True)) == []
