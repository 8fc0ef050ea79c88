"""What the schemas say about a field, as text for a person. Pure over the schemas, which the caller has read.

Schemas refer to each other's `$defs` (`common.json#/$defs/labels`); what stands beside a `$ref` is about this very
field, and comes first.
"""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from taskyard.cli.failure import Failed

Schema = Mapping[str, Any]
Load = Callable[[str], Schema]
"""A schema by its file name: `task.json`."""

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


class Fields:
    """One kind's schema, with the others that it refers to."""

    def __init__(self, load: Load, file: str) -> None:
        self._load = load
        self._file = file

    def explain(self, path: list[str]) -> list[str]:
        """`path` is below the kind: `["spec", "ports"]`. Failed, with the nearest name, when there is no such field."""
        return self._text(path, *self._find(path))

    def names(self, path: list[str]) -> list[str]:
        """The fields below `path` that a user may write."""
        inner, file = self._inside(*self._find(path)[0])
        properties = inner.get("properties", {})
        return [name for name, value in properties.items() if not self._resolve(value, file)[0].get("readOnly")]

    def _find(self, path: list[str]) -> tuple[tuple[Schema, str], bool]:
        """The field's schema (and its file), and whether it must be there."""
        schema, required = self._resolve(self._load(self._file), self._file), False
        for depth, name in enumerate(path):
            inner, file = self._inside(*schema)
            properties = inner.get("properties", {})
            free = inner.get("additionalProperties")
            if name in properties:
                required = name in inner.get("required", ())
                schema = self._resolve(properties[name], file)
            elif not properties and isinstance(free, Mapping):
                schema, required = self._resolve(free, file), False
            else:
                raise _no_such_field(path, depth, properties)
        return schema, required

    def _text(self, path: list[str], schema: tuple[Schema, str], required: bool) -> list[str]:
        field, _ = schema
        title = ".".join([self._file.removesuffix(".json"), *path])
        lines = [f"{title}  <{self._type(schema)}>{'  required' if required else ''}", ""]
        lines += _wrapped(str(field.get("description", "")), "  ")
        lines += [f"  unit: {field['x-units']}"] if "x-units" in field else []
        facts = [f"{label}: {_shown(field[key])}" for key, label in _FACTS if key in field]
        lines += [f"  {fact}" for fact in facts]
        examples = field.get("examples", ())
        lines += [f"  {'example' if len(examples) == 1 else 'for example'}: {_shown(example)}" for example in examples]
        inner, file = self._inside(*schema)
        if properties := inner.get("properties", {}):
            lines += ["", "Fields:"]
            for name in self.names(path):
                resolved = self._resolve(properties[name], file)
                mark = "  required" if name in inner.get("required", ()) else ""
                lines.append(f"  {name}  <{self._type(resolved)}>{mark}")
                lines += _wrapped(_first_sentence(str(resolved[0].get("description", ""))), "      ")
        return lines

    def _resolve(self, schema: Schema, file: str) -> tuple[Schema, str]:
        """Without `$ref`; and the file that its own references are relative to."""
        reference = schema.get("$ref")
        if reference is None:
            return schema, file
        target, _, pointer = str(reference).partition("#")
        found: Any = self._load(target or file)
        for step in pointer.strip("/").split("/"):
            found = found[step]
        base, base_file = self._resolve(found, target or file)
        return {**base, **{key: value for key, value in schema.items() if key != "$ref"}}, base_file

    def _inside(self, schema: Schema, file: str) -> tuple[Schema, str]:
        """What has the fields: the items of a list, else the schema itself."""
        items = schema.get("items")
        return self._inside(*self._resolve(items, file)) if isinstance(items, Mapping) else (schema, file)

    def _type(self, schema: tuple[Schema, str]) -> str:
        field, file = schema
        kinds = field.get("type", "string" if "enum" in field or "const" in field else "any")
        if kinds == "array":
            return f"list of {self._type(self._resolve(field.get('items', {}), file))}"
        if kinds == "object" and not field.get("properties") and isinstance(field.get("additionalProperties"), Mapping):
            return f"mapping to {self._type(self._resolve(field['additionalProperties'], file))}"
        return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def read_path(text: str) -> list[str]:
    """`task.spec.ports[0].host` → task, spec, ports, host: an index says nothing about a field."""
    return [part for part in re.sub(r"\[[^\]]*\]", "", text).split(".") if part]


def _no_such_field(path: list[str], depth: int, properties: Mapping[str, Any]) -> Failed:
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
