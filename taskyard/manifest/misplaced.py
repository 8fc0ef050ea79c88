"""Unknown fields: where a field of ours belongs, or what a field of Kubernetes, compose or Nomad is called here.

Called by wording for each field that the schema does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

from taskyard.kinds import Kind
from taskyard.manifest import schemas
from taskyard.manifest.foreign import FOREIGN, FOREIGN_OF
from taskyard.manifest.problem import Path
from taskyard.manifest.spelling import policy_for

_TEMPLATE = "spec.template.spec"
"""The place of the spec of what a kind makes."""
_MAKES: dict[str, Kind] = {"Service": "Task", "Job": "Task", "Cron": "Job"}


def where_it_belongs(kind: Kind, path: Path, name: str, value: object, known: tuple[str, ...]) -> str:
    """What to write instead of the unknown field `name` of the mapping at `path`, whose fields are `known`."""
    word = _word(name)
    by_word = {_word(field): field for field in known}
    if word in by_word:
        return f"write {by_word[word]}"
    place = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    while kind in _MAKES and place.startswith(_TEMPLATE):
        kind, place = _MAKES[kind], place.removeprefix("spec.template.")
    if word == "restartpolicy":
        return f"write restart: {{policy: {policy_for(value) or 'always'}}} under spec"
    words = FOREIGN if kind == "Task" or place == "metadata" else FOREIGN_OF.get(kind, {})
    foreign = words.get(place, {}).get(word)
    if foreign is not None:
        return foreign
    near = get_close_matches(word, list(by_word), 1, 0.75)
    if near:
        return f"did you mean {by_word[near[0]]}?"
    elsewhere = _elsewhere(kind).get(word)
    if elsewhere is not None:
        return f"it belongs at {elsewhere}"
    anywhere = FOREIGN["spec"].get(word) if kind == "Task" else None
    if anywhere is not None:
        return anywhere
    near = get_close_matches(word, list(by_word), 1, 0.6)
    if near:
        return f"did you mean {by_word[near[0]]}?"
    return f"remove it; the fields here are {', '.join(_for_users(kind, place, known))}"


def _for_users(kind: Kind, place: str, known: tuple[str, ...]) -> list[str]:
    hidden = _read_only(kind).get(place, frozenset())
    return [field for field in known if field not in hidden]


@cache
def _elsewhere(kind: Kind) -> dict[str, str]:
    """By word, the path of the shallowest field of that name."""
    found: dict[str, str] = {}
    for place, name, schema in sorted(fields(kind), key=lambda field: field[0].count(".")):
        if not schema.get("readOnly"):
            found.setdefault(_word(name), f"{place}.{name}".lstrip("."))
    return found


@cache
def _read_only(kind: Kind) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for place, name, schema in fields(kind):
        if schema.get("readOnly"):
            found.setdefault(place, set()).add(name)
    return {place: frozenset(names) for place, names in found.items()}


@cache
def fields(kind: Kind) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Every field of a kind: the place of its mapping (`spec.ports[]`, `spec.envFrom.*`), its name, its schema with
    refs followed."""
    return tuple(
        (place, name, schemas.resolve(declared, root)[0])
        for place, mapping, root in mappings(kind)
        for name, declared in mapping.get("properties", {}).items()
    )


@cache
def mappings(kind: Kind) -> tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]:
    """Every mapping of a kind: its place, its schema, and the schema file that its parts' references are in."""
    root = schemas.of_kind(kind)
    return tuple(_walk(root, root, ""))


def _walk(
    schema: dict[str, Any], root: dict[str, Any], place: str
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    yield place, schema, root
    for name, declared in schema.get("properties", {}).items():
        field, field_root = schemas.resolve(declared, root)
        inner = f"{place}.{name}".lstrip(".")
        if field.get("type") == "array":
            item, item_root = schemas.resolve(field["items"], field_root)
            yield from _walk(item, item_root, f"{inner}[]")
        else:
            yield from _walk(field, field_root, inner)
    if isinstance(free := schema.get("additionalProperties"), dict):
        yield from _walk(*schemas.resolve(free, root), f"{place}.*")


def _word(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.casefold())
