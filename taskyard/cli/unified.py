"""Differences as a unified diff reads: for each field where it is, what goes and what comes. Pure but for the YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskyard.client.views import FieldChange

_RED, _GREEN, _CYAN, _BOLD = "31", "32", "36", "1"


def field_lines(change: FieldChange) -> Iterator[str]:
    yield f"@@ {change.path} @@"
    yield from value_lines("-", change.old)
    yield from value_lines("+", change.new)


def value_lines(sign: str, value: Any) -> Iterator[str]:
    """Nothing for a field that is not there."""
    if value is None:
        return
    from taskyard.manifest import to_yaml

    for line in to_yaml(value).rstrip("\n").splitlines():
        if line != "...":
            yield f"{sign}{line}"


def colour_of(line: str) -> str:
    if line.startswith(("---", "+++")):
        return _BOLD
    return {"-": _RED, "+": _GREEN, "@": _CYAN}.get(line[:1], "")
