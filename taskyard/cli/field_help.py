"""What the schemas say about a field, as text for a person: what `explain` prints.

The schemas themselves, and how they refer to each other, are taskyard/manifest/schemas.py's.
"""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taskyard.cli.failure import Failed
from taskyard.kinds import Kind
from taskyard.manifest import schemas

WIDTH = 100
_FACTS = (
    ("default", "default"),
    ("enum", "one of"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("minLength", "shortest"),
    ("maxLength", "longest"),
    ("maxItems", "items at most"),
    ("maxProperties", "entries at most"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field's schema with its references followed, and the schema file that its parts' references are in."""

    schema: dict[str, Any]
    root: dict[str, Any]
    required: bool = False

    def inside(self) -> Field:
        """What has the fields: the items of a list, else this."""
        items = self.schema.get("items")
        return follow(items, self.root).inside() if isinstance(items, dict) else self

    def fields(self) -> dict[str, Field]:
        """Those below it."""
        inner = self.inside()
        required = inner.schema.get("required", ())
        below = inner.schema.get("properties", {})
        return {name: follow(value, inner.root, required=name in required) for name, value in below.items()}

    def writable(self) -> dict[str, Field]:
        """Those below it that a user may write."""
        return {name: field for name, field in self.fields().items() if not field.schema.get("readOnly")}

    def values(self) -> Field | None:
        """Of a mapping whose keys are the user's (labels, env), what each value is."""
        free = self.inside().schema.get("additionalProperties")
        return follow(free, self.inside().root) if isinstance(free, dict) else None

    def type(self) -> str:
        kinds = self.schema.get("type", "string" if "enum" in self.schema or "const" in self.schema else "any")
        if kinds == "array":
            return f"list of {follow(self.schema.get('items', {}), self.root).type()}"
        if kinds == "object" and (value := self.values()) and not self.schema.get("properties"):
            return f"mapping to {value.type()}"
        return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def follow(schema: dict[str, Any], root: dict[str, Any], *, required: bool = False) -> Field:
    return Field(*schemas.resolve(schema, root), required)


def find(kind: Kind, path: Sequence[str]) -> Field:
    """`path` is below the kind: `["spec", "ports"]`. Failed, with the nearest name, when there is no such field."""
    root = schemas.of_kind(kind)
    field = follow(root, root)
    for depth, name in enumerate(path):
        below = field.fields()
        value = field.values()
        if name not in below and value is None:
            raise _no_such_field(path, depth, below)
        field = below.get(name) or value or field
    return field


def explanation(title: str, field: Field) -> list[str]:
    schema = field.schema
    lines = [f"{title}  <{field.type()}>{'  required' if field.required else ''}", ""]
    lines += _wrapped(str(schema.get("description", "")), "  ")
    lines += [f"  unit: {schema['x-units']}"] if "x-units" in schema else []
    lines += [f"  {label}: {_shown(schema[key])}" for key, label in _FACTS if key in schema]
    examples = schema.get("examples", ())
    lines += [f"  {'example' if len(examples) == 1 else 'for example'}: {_shown(example)}" for example in examples]
    below, entry, heading = field.writable(), field.values(), "Fields:"
    if not below and entry is not None:
        below, heading = entry.writable(), "Fields of each entry:"
    if below:
        lines += ["", heading]
        for name, inner in below.items():
            lines.append(f"  {name}  <{inner.type()}>{'  required' if inner.required else ''}")
            lines += _wrapped(_first_sentence(str(inner.schema.get("description", ""))), "      ")
    return lines


def read_path(text: str) -> list[str]:
    """`task.spec.ports[0].host` → task, spec, ports, host: an index says nothing about a field."""
    return [part for part in re.sub(r"\[[^\]]*\]", "", text).split(".") if part]


def _no_such_field(path: Sequence[str], depth: int, properties: dict[str, Field]) -> Failed:
    where = ".".join(path[:depth]) or "the manifest"
    near = difflib.get_close_matches(path[depth], properties, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(properties)}" if properties else ""
    return Failed(f"{where} has no field '{path[depth]}'", hint)


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z/][^\s,\"']*", value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _first_sentence(text: str) -> str:
    head, stop, _ = text.partition(". ")
    return head + "." if stop else text
