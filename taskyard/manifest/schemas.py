"""The JSON Schemas as data: where their files are, and one per kind.

An installed taskyard carries them in taskyard/schemas; in the source tree they are in schemas/. Used by check,
explain and misplaced, which compile or search them on first use.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from taskyard.kinds import Kind

_SHARED = ("common", "container", "checks", "task", "service", "job")
"""The files with parts that others refer to."""


@cache
def folder() -> Path:
    """Where the schema files are."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "schemas", package.parent / "schemas"):
        if (candidate / "common.json").is_file():
            return candidate
    raise FileNotFoundError(f"the JSON Schemas are neither in {package} nor beside it: install taskyard again")


@cache
def load(name: str) -> dict[str, Any]:
    """One schema file: a kind in lower case, or a shared one."""
    schema: dict[str, Any] = json.loads((folder() / f"{name}.json").read_text("utf-8"))
    return schema


def referred() -> list[dict[str, Any]]:
    """What a validator has to know besides the schema of the kind itself."""
    return [load(name) for name in _SHARED]


def of_kind(kind: Kind) -> dict[str, Any]:
    return load(kind.lower())


def resolve(schema: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A schema with its `$ref` followed and laid under its own fields, and the root that its own refs are in."""
    reference = schema.get("$ref")
    if reference is None:
        return schema, root
    file, _, pointer = reference.partition("#")
    target_root = load(file.removesuffix(".json")) if file else root
    target: dict[str, Any] = target_root
    for step in pointer.strip("/").split("/"):
        target = target[step]
    target, target_root = resolve(target, target_root)
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}, target_root
