"""diff: what an apply changes in an object, field by field, in the words of the manifest.

Only what a user declares is compared: labels, annotations and the spec, with defaults filled in, and not who said it.
Ports are matched by container port and protocol, volumes by target, other lists item by item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from taskyard.annotations import but_who
from taskyard.manifest.problem import Path, path_text
from taskyard.objects import NODE_BODY, AnyObject, NodeSpec, Port, Secret, Volume


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`old` and `new` are plain data; None stands for a field that is not there."""

    path: str
    old: Any
    new: Any


def diff(old: AnyObject | NodeSpec | None, new: AnyObject | NodeSpec | None) -> list[FieldChange]:
    """Every change on the way from `old` to `new`; None for an object that is not there."""
    changes = [FieldChange(path_text(path), before, after) for path, before, after in _objects(old, new)]
    return [_hidden(change) for change in changes] if isinstance(new or old, Secret) else changes


def _hidden(change: FieldChange) -> FieldChange:
    """That a secret's value changes, and not what it is."""
    if not change.path.startswith("spec"):
        return change
    was, now = ("(hidden)" if value is not None else None for value in (change.old, change.new))
    return FieldChange(change.path, was, "(hidden, another)" if was and now else now)


_Change = tuple[Path, Any, Any]


def _objects(old: AnyObject | NodeSpec | None, new: AnyObject | NodeSpec | None) -> Iterator[_Change]:
    before, after = (old.metadata if old else None), (new.metadata if new else None)
    yield from _mapping(("metadata", "labels"), before.labels if before else {}, after.labels if after else {})
    yield from _mapping(
        ("metadata", "annotations"),
        but_who(before.annotations) if before else {},
        but_who(after.annotations) if after else {},
    )
    if isinstance(old, NodeSpec) or isinstance(new, NodeSpec):
        for field in NODE_BODY:
            yield from _values(("spec", field), getattr(old, field, None), getattr(new, field, None))
    elif old and new:
        yield from _struct(("spec",), old.spec, new.spec)
    elif some := old or new:
        for name, value in _plain(some.spec).items():
            yield (("spec", name), value, None) if old else (("spec", name), None, value)


def _values(path: Path, old: Any, new: Any) -> Iterator[_Change]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, msgspec.Struct) and isinstance(new, msgspec.Struct):
        yield from _struct(path, old, new)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _mapping(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list(path, old, new)
    else:
        yield path, _plain(old), _plain(new)


def _struct(path: Path, old: msgspec.Struct, new: msgspec.Struct) -> Iterator[_Change]:
    for field in msgspec.structs.fields(old):
        yield from _values((*path, field.encode_name), getattr(old, field.name), getattr(new, field.name))


def _mapping(path: Path, old: dict[str, Any], new: dict[str, Any]) -> Iterator[_Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        yield from _values((*path, key), old.get(key), new.get(key))


def _list(path: Path, old: list[Any], new: list[Any]) -> Iterator[_Change]:
    """Paths have the index in the new list, or in the old one for what is gone."""
    before = {_key(item, at): (at, item) for at, item in enumerate(old)}
    after = {_key(item, at): (at, item) for at, item in enumerate(new)}
    for key, (at, item) in after.items():
        yield from _values((*path, at), before[key][1] if key in before else None, item)
    for key, (at, item) in before.items():
        if key not in after:
            yield (*path, at), _plain(item), None


def _key(item: Any, at: int) -> object:
    match item:
        case Port():
            return item.container, item.protocol
        case Volume():
            return item.target
        case _:
            return at


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
