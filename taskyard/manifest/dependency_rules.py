"""What JSON Schema cannot state about dependencies: conditions that are never met, and one that is named twice.

An entry of the table in rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskyard.manifest.amounts import broken_dependency_time
from taskyard.manifest.problem import path_text, shown
from taskyard.manifest.rule_parts import Broken, items

_NEVER = {("Service", "completed"): "a service never completes", ("Job", "healthy"): "a job has no health"}
_INSTEAD = {"Service": "write condition: healthy or started", "Job": "write condition: completed or started"}


def broken_dependencies(spec: dict[str, Any]) -> Iterator[Broken]:
    first: dict[tuple[str, str], int] = {}
    for at, each in items(spec, "dependsOn"):
        kind, name, condition = each.get("kind", "Service"), each.get("name"), each.get("condition", "")
        path = ("spec", "dependsOn", at)
        yield from broken_dependency_time(at, each)
        if not isinstance(kind, str) or not isinstance(condition, str) or not isinstance(name, str):
            continue
        if (kind, condition) in _NEVER:
            yield Broken((*path, "condition"), _NEVER[kind, condition], _INSTEAD[kind])
        if (kind, name) in first:
            message = f"{shown(name)} is named twice, first in {path_text((*path[:2], first[kind, name]))}"
            yield Broken((*path, "name"), message, "wait for each object once")
        first.setdefault((kind, name), at)
