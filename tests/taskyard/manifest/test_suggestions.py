"""Hints that say `write X`: X is right, and what other systems say is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from taskyard.manifest import parse_yaml, validate
from taskyard.manifest.foreign import FOREIGN
from taskyard.manifest.misplaced import fields

PLACES = {
    "": "{field}: 1\napiVersion: taskyard/v1\nkind: Task\nmetadata: {{name: a}}\nspec: {{image: a}}\n",
    "metadata": "apiVersion: taskyard/v1\nkind: Task\nmetadata: {{name: a, {field}: 1}}\nspec: {{image: a}}\n",
    "spec": "apiVersion: taskyard/v1\nkind: Task\nmetadata: {{name: a}}\nspec: {{image: a, {field}: 1}}\n",
}
INSIDE = {
    "spec.ports[]": ("ports", [{"container": 1}]),
    "spec.volumes[]": ("volumes", [{"name": "data", "target": "/d"}]),
    "spec.resources": ("resources", {}),
    "spec.security": ("security", {}),
    "spec.limits": ("limits", {}),
    "spec.logs": ("logs", {}),
    "spec.restart": ("restart", {}),
    "spec.stop": ("stop", {}),
    "spec.healthCheck": ("healthCheck", {"command": ["a"]}),
}

SIZES = ("512MB", "1g", "1 GiB", "64mb", "0,5 Gi", "100 mebibytes", "2 gigabytes", "100 megs", "1.5gb", "2TB")
CPUS = ("500 m", "0,5", "50%", "2 cores", "1 vCPU", "100 millicores", "1/2")
TIMES = ("5min", "1d", "2 weeks", "10 sec", "3 Hours", "1.5m", "ten")
POLICIES = ("Always", "OnFailure", "no", "unless-stopped", "on_error", "zzz")


def _manifest(place: str, field: str) -> Any:
    if place in PLACES:
        return parse_yaml(PLACES[place].format(field=field), "a.yaml")[0].data
    name, value = INSIDE[place]
    inner = [value[0] | {field: 1}] if isinstance(value, list) else value | {field: 1}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": "a"},
        "spec": {"image": "a", name: inner},
    }


@pytest.mark.parametrize(
    ("place", "field"),
    [pytest.param(place, field, id=f"{place}.{field}") for place in FOREIGN for field in FOREIGN[place]],
)
def test_a_field_of_another_system_gets_its_own_hint(place: str, field: str) -> None:
    (problem,) = validate(_manifest(place, field))
    assert problem.hint == FOREIGN[place][field]


def test_no_foreign_word_is_a_field_of_ours() -> None:
    ours = {(place, name.lower()) for place, name, _ in fields("Task")}
    assert not {(place, word) for place, words in FOREIGN.items() for word in words} & ours


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((("resources", "memory"), value) for value in SIZES),
        *((("resources", "cpu"), value) for value in CPUS),
        *((("stop", "gracePeriod"), value) for value in TIMES),
        *((("stop", "signal"), value) for value in ("term", "15", "kill", "sigint", "HUPP", "zzz")),
        *((("restart", "policy"), value) for value in POLICIES),
        (("pullPolicy",), "if-not-present"),
        (("image",), "Nginx"),
        (("image",), "https://Docker.io/library/nginx:1"),
        (("image",), "nginx:"),
    ],
    ids=lambda value: value if isinstance(value, str) else ".".join(value),
)  # fmt: skip
def test_a_suggested_value_is_accepted(field: tuple[str, ...], value: str) -> None:
    def manifest(value: object) -> dict[str, Any]:
        spec: dict[str, Any] = {"image": "a"}
        inner = spec
        for step in field[:-1]:
            inner = inner.setdefault(step, {})
        inner[field[-1]] = value
        return {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": "a"}, "spec": spec}

    (problem,) = validate(manifest(value))
    assert problem.hint
    suggested = re.fullmatch(r"write '?([^' ,\[\]]+)'?", problem.hint)
    if suggested:
        assert not validate(manifest(suggested[1]))
    else:
        assert value in ("1/2", "1.5m", "ten", "zzz")
