"""normalize: one spelling for each spec, so that the same wish always has the same hash.

`1Gi` and `1024Mi` are one amount, and a default that is written out is the same as one that is not. The encoder leaves
out a default only when it is the very object of the struct's definition, so equal values are replaced by that. Works by
the types of the fields (taskyard.quantity.Cpu, Size, Duration): a new field needs nothing here.
"""

from __future__ import annotations

from functools import cache
from operator import is_
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import astuple

from taskyard.quantity import respelled

W = TypeVar("W", bound=msgspec.Struct)


def normalize(spec: W) -> W:
    """The struct with every quantity in its usual spelling, in all that it holds, and no default written out.

    Doing it twice changes nothing. ValueError for a quantity that is none; a validated spec has none of these.
    """
    changes: dict[str, Any] = {}
    for value, (name, quantity, nests, default) in zip(astuple(spec), fields_of(type(spec)), strict=True):
        if value is default or (default is NODEFAULT and not value and not quantity):
            continue  # The second: a list or a dict of which there is nothing.
        told = value
        if quantity and value is not None:
            told = respelled(quantity, value)
        elif nests:
            told = _inner(value)
        if told == default and type(told) is type(default):
            told = default
        if told is not value:
            changes[name] = told
    return msgspec.structs.replace(spec, **changes) if changes else spec


def _inner(value: Any) -> Any:
    """The very same object when nothing in it changes."""
    match value:
        case msgspec.Struct():
            return normalize(value)
        case list():
            items = [_inner(item) for item in value]
            return value if all(map(is_, items, value)) else items
        case dict():
            held = {key: _inner(item) for key, item in value.items()}
            return value if all(map(is_, held.values(), value.values())) else held
        case _:
            return value


class _Field(NamedTuple):
    name: str
    quantity: str
    """Which one it is; empty: none."""
    nests: bool
    """There may be a struct in it."""
    default: Any


@cache
def fields_of(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """How each field of the struct is normalised."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Field(field.name, _quantity(hints[field.name]), _nests(hints[field.name]), field.default)
        for field in msgspec.structs.fields(kind)
    )


def _nests(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return True
    return any(_nests(part) for part in get_args(hint))


def _quantity(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        metas = [meta for meta in hint.__metadata__ if isinstance(meta, msgspec.Meta) and meta.extra]
        return next((str(meta.extra["quantity"]) for meta in metas if meta.extra), "")
    return next((found for part in get_args(hint) if (found := _quantity(part))), "")
