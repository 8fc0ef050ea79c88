"""How rules look into a manifest that may be wrong in any way, and what they report."""

from __future__ import annotations

from typing import Any, NamedTuple

from taskyard.manifest.problem import Path


class Broken(NamedTuple):
    """A rule that a manifest breaks, and where."""

    path: Path
    message: str
    hint: str


def part(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    """The mapping at a path, or an empty one."""
    found: Any = spec
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def items(spec: dict[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in the list at a name, with their indexes."""
    found = spec.get(name)
    return [(at, item) for at, item in enumerate(found) if isinstance(item, dict)] if isinstance(found, list) else []
