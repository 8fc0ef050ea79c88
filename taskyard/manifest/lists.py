"""A list of objects, as `get -o json` prints it, as the documents that it stands for. For load and for POST /apply.

Each item is a manifest of its own, with its own lines; what the list says of itself (its revision) is the server's.
"""

from __future__ import annotations

from typing import Any

from taskyard.kinds import TABLE
from taskyard.manifest.document import Document, Mark, Positions
from taskyard.manifest.problem import Path, Problem
from taskyard.objects import API_VERSION

LISTS = (*(names.list_kind for names in TABLE), "List")
_FIELDS = ("apiVersion", "kind", "metadata", "items")


def is_list(data: Any) -> bool:
    kind = data.get("kind") if isinstance(data, dict) else None
    return isinstance(kind, str) and kind in LISTS


def unfold(document: Document) -> tuple[list[Document], list[Problem]]:
    """Its items and what is wrong with the list itself; anything else than a list is its only item."""
    data = document.data
    if not is_list(data):
        return [document], []
    kind, items = data["kind"], data.get("items")
    problems = [
        document.problem(
            (key,),
            f"a {kind} has no field '{key}'",
            f"it has {', '.join(_FIELDS)}",
            at=document.locate((key,), key=True),
        )
        for key in data
        if key not in _FIELDS
    ]
    if data.get("apiVersion") != API_VERSION:
        problems.append(document.problem(("apiVersion",), f"not the version of a {kind}", f"write {API_VERSION}"))
    if not isinstance(items, list):
        problems.append(document.problem(("items",), f"a {kind} has a list of items", "write items: [...]"))
        return [], problems
    positions = _by_item(document.positions, len(items))
    return [
        Document(document.source, document.locate(("items", index)).line, item, positions[index])
        for index, item in enumerate(items)
    ], problems


def item_of(path: Path) -> tuple[int, Path] | None:
    """The item that a path of the list leads into, and the rest of the path."""
    if len(path) >= 2 and path[0] == "items" and isinstance(path[1], int):
        return path[1], path[2:]
    return None


def _by_item(whole: Positions, count: int) -> list[Positions]:
    parts = [Positions() for _ in range(count)]
    for name in ("values", "keys", "written"):
        found: dict[Path, Mark | str] = getattr(whole, name)
        for path, what in found.items():
            place = item_of(path)
            if place is not None:
                getattr(parts[place[0]], name)[place[1]] = what
    return parts
