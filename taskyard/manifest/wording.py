"""From a schema error to a sentence and a hint: one function for each JSON Schema keyword that the schemas use.

Hints that need to know about other systems or about spelling are in misplaced, shapes and spelling. Called by explain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from taskyard.kinds import Kind
from taskyard.manifest.misplaced import where_it_belongs
from taskyard.manifest.problem import Path, shown
from taskyard.manifest.shapes import shape_hint, type_words
from taskyard.manifest.spelling import choice_hint, spelling_hint

_SECRET_WORDS = ("PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL")


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before its place in the text is looked up. Of two about one place, the lower rank is told."""

    path: Path
    message: str
    hint: str = ""
    about_key: bool = False
    """It is the key that is wrong, not the value."""
    missing: bool = False
    """There is nothing at the path: its parent is shown."""
    rank: int = 0
    meant: str = ""
    """For an unknown field: the field of the same mapping that was probably meant."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What jsonschema found, without its types: `value` at `path` breaks `keyword: limit` of `schema`."""

    path: Path
    value: Any
    keyword: str
    limit: Any
    schema: Mapping[str, Any]
    steps: tuple[str | int, ...]
    """The way through the schema."""

    @property
    def advice(self) -> str:
        return str(self.schema.get("x-hint", ""))


def findings(error: Fault, kind: Kind, written: dict[Path, str]) -> Iterator[Finding]:
    """What one schema error says; `written` is how numbers and the like are spelt in the text."""
    path, keyword = error.path, error.keyword
    if keyword == "additionalProperties":
        yield from _unknown_fields(error, path, kind)
    elif keyword == "required":
        yield from _missing(error, path)
    elif keyword == "type":
        yield _wrong_type(error, path, kind, written)
    elif "propertyNames" in error.steps:
        name = str(error.value)
        yield Finding((*path, name), *_say(error, path), about_key=True, rank=_RANKS.get(keyword, 9))
    else:
        yield Finding(path, *_say(error, path), rank=_RANKS.get(keyword, 9))


_RANKS = {"const": 1, "enum": 1, "not": 1, "minLength": 2, "maxLength": 2, "pattern": 3}


def _unknown_fields(error: Fault, path: Path, kind: Kind) -> Iterator[Finding]:
    known = error.schema["properties"]
    for name, value in error.value.items():
        if name not in known:
            hint = where_it_belongs(kind, path, name, value, tuple(known))
            place = f"in {path[-1]}" if path and isinstance(path[-1], str) else "here"
            message = f"there is no field {shown(name)} {place if path else 'at the top'}"
            meant = next((field for field in known if hint in (f"write {field}", f"did you mean {field}?")), "")
            yield Finding((*path, name), message, hint, about_key=True, meant=meant)


def _missing(error: Fault, path: Path) -> Iterator[Finding]:
    for name in error.limit:
        if name not in error.value:
            yield Finding((*path, name), f"{name} is missing", _missing_hint(error, name), missing=True)


def _missing_hint(error: Fault, name: str) -> str:
    if error.steps[-2:-1] == ("then",) and name == "name":
        return "name the volume, the Secret or the Config, such as name: data, or write type: tmpfs"
    field = error.schema.get("properties", {}).get(name, {})
    examples = field.get("examples")
    return f"add {name}, such as {_inline(name, examples[0])}" if examples else f"add {name}"


def _inline(name: str, value: object) -> str:
    """A field as one line of YAML."""
    return f"{name}: {flow(value)}"


def flow(value: object) -> str:
    """A value as YAML on one line, for hints."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case bool():
            return "true" if value else "false"
        case str() if "\n" in value:
            return json.dumps(value)
        case _:
            return str(value)


def _wrong_type(error: Fault, path: Path, kind: Kind, written: dict[Path, str]) -> Finding:
    expected = error.limit
    types = [expected] if isinstance(expected, str) else list(expected)
    is_secret = len(path) > 1 and path[-2] == "env" and any(word in str(path[-1]).upper() for word in _SECRET_WORDS)
    is_secret = is_secret or (kind == "Secret" and path[:2] == ("spec", "data"))
    text = "…" if is_secret else written.get(path, "")
    value = text or shown(error.value)
    if error.value is None:
        message = "nothing is written here (null)"
    else:
        message = f"{value} is {type_words([_type_of(error.value)])}, not {type_words(types)}"
    if isinstance(error.value, dict | list):
        message = f"this is {shown(error.value)}, not {type_words(types)}"
    return Finding(path, message, shape_hint(path, error.value, types, text, error.advice))


def _type_of(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "null"


def _say(error: Fault, path: Path) -> tuple[str, str]:
    words = _WORDS.get(error.keyword)
    if words is None:
        return f"{shown(error.value)} is not allowed here", error.advice
    return words(error.value, error.limit, error.schema, path)


Words = Callable[[Any, Any, Mapping[str, Any], Path], tuple[str, str]]


def _enum(value: Any, choices: Any, _: Mapping[str, Any], path: Path) -> tuple[str, str]:
    listed = ", ".join(str(choice) for choice in choices[:6]) + (" …" if len(choices) > 6 else "")
    return f"{shown(value)} is none of {listed}", choice_hint(value, list(choices), path)


def _range(value: Any, limit: Any, schema: Mapping[str, Any], path: Path) -> tuple[str, str]:
    less = value < limit
    message = f"{shown(value)} is {'less' if less else 'more'} than {limit}"
    if "minimum" in schema and "maximum" in schema:
        hint = f"write a number from {schema['minimum']} to {schema['maximum']}"
        if path[-1] == "host":
            hint += ", or auto for a free one"
    else:
        hint = str(schema.get("x-hint", f"write a number that is not {'less' if less else 'more'} than {limit}"))
    return message, hint


def _pattern(value: Any, _: Any, schema: Mapping[str, Any], path: Path) -> tuple[str, str]:
    what = "the text is empty" if value == "" else f"{shown(value)} is not {_noun(schema, path)}"
    return what, spelling_hint(value, schema, path)


def _noun(schema: Mapping[str, Any], path: Path) -> str:
    title = schema.get("title")
    if title == "CPU":
        return "an amount of cpu"
    if title in ("Name", "Node name", "Label key", "Label value", "Size", "Duration"):
        return f"a {title.lower()}"
    field = next((step for step in reversed(path) if isinstance(step, str)), "value")
    named = {"image": "an image reference", "env": "a name for an environment variable", "data": "a name for a value"}
    return named.get(field, f"a valid {field}")


def _length(value: Any, limit: Any, schema: Mapping[str, Any], path: Path) -> tuple[str, str]:
    if value == "":
        return "the text is empty", spelling_hint(value, schema, path)
    if len(value) < limit:
        return f"{shown(value)} is too short; at least {limit} characters are needed", "write a longer one"
    return (
        f"{shown(value)} has {len(value)} characters; at most {limit} are allowed",
        f"shorten it to {limit} characters",
    )


def _items(value: Any, limit: Any, schema: Mapping[str, Any], _: Path) -> tuple[str, str]:
    if len(value) < limit:
        return "the list is empty", f"write at least {limit}, such as {flow(schema['examples'][0])}"
    return f"{len(value)} entries; at most {limit} are allowed", f"keep at most {limit}"


def _no_fields(_: Any, __: Any, schema: Mapping[str, Any], path: Path) -> tuple[str, str]:
    return "no field is set in it", f"write at least one, such as {_inline(str(path[-1]), schema['examples'][0])}"


def _const(value: Any, wanted: Any, schema: Mapping[str, Any], _: Path) -> tuple[str, str]:
    if "x-hint" in schema:
        return f"{shown(value)} is not allowed here", str(schema["x-hint"])
    return f"{shown(value)} is not {shown(wanted)}", f"write {wanted}"


def _not(value: Any, _: Any, schema: Mapping[str, Any], __: Path) -> tuple[str, str]:
    return f"{shown(value)} is not allowed here", str(schema.get("x-hint", "remove it"))


_WORDS: dict[str, Words] = {
    "enum": _enum,
    "const": _const,
    "not": _not,
    "minimum": _range,
    "maximum": _range,
    "pattern": _pattern,
    "minLength": _length,
    "maxLength": _length,
    "minItems": _items,
    "maxItems": _items,
    "maxProperties": _items,
    "minProperties": _no_fields,
}
