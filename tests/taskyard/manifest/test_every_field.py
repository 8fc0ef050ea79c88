"""Each field of each kind, given what its own schema refuses: the answer names that field and says what it may be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from taskyard.kinds import Kind
from taskyard.manifest import validate
from taskyard.manifest.problem import Path, path_text
from taskyard.manifest.schema_check import schema_errors
from tests.taskyard.manifest.around import FIELDS, KEYS, around

_OF_ANY_TYPE = (None, True, 7, 0.5, "some words", [], [[]], ["some words", 7], {}, {"some words": 7})
_OF_ANY_SIZE = (
    -1,
    0,
    10**12,
    "",
    " ",
    "x" * 5000,
    "-1",
    "0",
    "1e3",
    "0.0001",
    "99999999999h",
    "é",
    "a\n",
    "/..",
    "a=b",
)
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_SAYS_THE_RULE = re.compile(r" not (an?|the) | at most | less than | more than | is none of |there is no field ")
_SETTABLE = [field for field in FIELDS if field[2] not in ("apiVersion", "kind") and not field[3].get("readOnly")]


def _beyond(schema: dict[str, Any]) -> list[Any]:
    """One more than the most, and one less than the least."""
    found: list[Any] = [schema[word] + step for word, step in (("minimum", -1), ("maximum", 1)) if word in schema]
    if "maxLength" in schema:
        found.append("a" * (schema["maxLength"] + 1))
    if schema.get("minItems", 0) > 0:
        found.append([])
    return found


@pytest.mark.parametrize(
    ("kind", "place", "name", "schema"),
    [pytest.param(*field, id=f"{field[0]}.{field[1]}.{field[2]}") for field in _SETTABLE],
)
def test_what_a_field_cannot_be_is_refused_there_with_the_rule(
    kind: Kind, place: str, name: str, schema: dict[str, Any]
) -> None:
    path, refused = _path(place, name), 0
    for value in (*_OF_ANY_TYPE, *_OF_ANY_SIZE, *_beyond(schema)):
        manifest = around(kind, place, name, value)
        found = [problem for problem in validate(manifest) if problem.path.startswith(path_text(path))]
        by_schema = any(where[: len(path)] == path for where, _ in schema_errors(manifest, kind))
        assert bool(found) >= by_schema, f"{json.dumps(value)[:80]} is refused elsewhere: {validate(manifest)}"
        if not _may_be(schema, value):
            assert found, f"{json.dumps(value)[:80]} is of another type, and is accepted"
        for problem in found:
            assert problem.hint or _SAYS_THE_RULE.search(problem.message), str(problem)
        refused += bool(found)
    assert refused


@pytest.mark.parametrize(
    ("kind", "place", "name", "schema"),
    [pytest.param(*field, id=f"{field[0]}.{field[1]}.{field[2]}") for field in _SETTABLE if _beyond(field[3])],
)
def test_nothing_beyond_a_limit_is_accepted(kind: Kind, place: str, name: str, schema: dict[str, Any]) -> None:
    for value in _beyond(schema):
        (problem,) = [
            each for each in validate(around(kind, place, name, value)) if each.path == path_text(_path(place, name))
        ]
        assert re.search(r"less than|more than|at most|is empty", problem.message), str(problem)


def _may_be(schema: dict[str, Any], value: object) -> bool:
    """Going by its type alone."""
    declared = schema.get("type")
    if declared is None:
        return True
    types = [declared] if isinstance(declared, str) else declared
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, _JSON_TYPES[each]) for each in types)


def _path(place: str, name: str) -> Path:
    """Where `around` puts it."""
    found: list[str | int] = []
    for step in place.split(".") if place else ():
        found.append(KEYS[place] if step == "*" else step.removesuffix("[]"))
        found += [0] if step.endswith("[]") else []
    return (*found, name)
