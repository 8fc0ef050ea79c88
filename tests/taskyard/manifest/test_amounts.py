"""Amounts: a schema says how a quantity is spelt, and so each one in the schemas has to have a range in the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from taskyard.kinds import KINDS, Kind
from taskyard.manifest import schemas
from taskyard.manifest.rules import broken_rules

_QUANTITIES = {"cpu", "bytes", "duration"}
_SCHEMAS = {part["$id"].rpartition("/")[2]: part for part in [*map(schemas.of_kind, KINDS), *schemas.referred()]}

Place = tuple[str | int, ...]


def _quantities(file: str, node: Any, place: Place = ()) -> Iterator[Place]:
    """Where a schema has one; the first item stands for all of a list, and `readiness` for any name."""
    reference = node.get("$ref", "")
    if reference:
        named, _, pointer = reference.partition("#/")
        if named.endswith("common.json") and pointer.rpartition("/")[2] in _QUANTITIES:
            yield place
            return
        file = named.rpartition("/")[2] or file
        found = _SCHEMAS[file]
        for key in filter(None, pointer.split("/")):
            found = found[key]
        yield from _quantities(file, found, place)
    for name, field in node.get("properties", {}).items():
        yield from _quantities(file, field, (*place, name))
    for keyword, key in (("items", 0), ("additionalProperties", "readiness")):
        if isinstance(node.get(keyword), dict):
            yield from _quantities(file, node[keyword], (*place, key))


def _with(place: Place, value: object) -> Any:
    for key in reversed(place):
        value = [value] if key == 0 else {key: value}
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_no_quantity_is_negative(kind: Kind) -> None:
    schema = schemas.of_kind(kind)
    places = list(_quantities(schema["$id"].rpartition("/")[2], schema))
    taken = [
        place
        for place in places
        if place not in [broken.path for broken in broken_rules({**_with(place, -1), "kind": kind})]
    ]
    assert taken == []
    assert bool(places) == (kind not in ("Node", "Volume", "Secret", "Config"))


@pytest.mark.parametrize("field", ["cpu", "memory", "disk"])
def test_a_quota_of_nothing_and_a_large_one_are_both_taken(field: str) -> None:
    for amount in (0, "100000", "999999"):
        quota = {"kind": "Namespace", "spec": {"quota": {field: amount}, "limits": {field: {"max": amount}}}}
        assert list(broken_rules(quota)) == []
