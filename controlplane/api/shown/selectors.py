"""Label and field selectors, parsed strictly and matched: pure.

A selector that is not understood is an error with its position: taken for "everything", it would delete or drain more
than was meant. Used by the lists and watches of tasks and nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_KEY = r"(?:[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?/)?[0-9A-Za-z](?:[0-9A-Za-z._-]{0,61}[0-9A-Za-z])?"
_VALUE = r"(?:[0-9A-Za-z](?:[0-9A-Za-z._-]{0,61}[0-9A-Za-z])?)?"
_EQUALITY = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*", re.ASCII)
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*", re.ASCII)
_PRESENCE = re.compile(rf"\s*(!?)\s*({_KEY})\s*", re.ASCII)
_FIELD = re.compile(r"\s*([A-Za-z.]+)\s*(==|=|!=)\s*([^\s,=!]*)\s*", re.ASCII)
_LABEL_HELP = "write a=b, a!=b, a, !a, a in (b,c) or a notin (b,c), with commas between them"
_FIELD_HELP = "write field=value or field!=value, with commas between them"


class BadSelector(ValueError):
    """Says which part is not understood, and what would be."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`in` with several values is true for each of them; `notin` and `absent` are true of a missing key, as in
    Kubernetes."""

    key: str
    operator: Literal["in", "notin", "exists", "absent"]
    values: frozenset[str] = frozenset()

    def holds(self, values: Mapping[str, str]) -> bool:
        present = self.key in values
        if self.operator == "exists":
            return present
        if self.operator == "absent":
            return not present
        if self.operator == "in":
            return present and values[self.key] in self.values
        return not present or values[self.key] not in self.values


Selector = tuple[Requirement, ...]


def matches(selector: Selector, values: Mapping[str, str]) -> bool:
    """All requirements hold; an empty selector matches everything."""
    return all(requirement.holds(values) for requirement in selector)


def parse_labels(text: str) -> Selector:
    """Raises BadSelector."""
    return tuple(_label(term) for term in _terms(text)) if text.strip() else ()


def parse_fields(text: str, fields: Mapping[str, tuple[str, ...]]) -> Selector:
    """`fields` names the fields there are, each with the values it can have (empty: any). Raises BadSelector."""
    return tuple(_field(term, fields) for term in text.split(",")) if text.strip() else ()


def _label(term: str) -> Requirement:
    if match := _EQUALITY.fullmatch(term):
        key, operator, value = match.groups()
        return Requirement(key, "notin" if operator == "!=" else "in", frozenset({value}))
    if match := _SET.fullmatch(term):
        key, word, listed = match.groups()
        values = [value.strip() for value in listed.split(",")]
        if all(value and re.fullmatch(_VALUE, value, re.ASCII) for value in values):
            return Requirement(key, "in" if word == "in" else "notin", frozenset(values))
    elif match := _PRESENCE.fullmatch(term):
        return Requirement(match[2], "absent" if match[1] else "exists")
    raise BadSelector(f"{term.strip()!r} is not a label selector: {_LABEL_HELP}")


def _field(term: str, fields: Mapping[str, tuple[str, ...]]) -> Requirement:
    match = _FIELD.fullmatch(term)
    if not match:
        raise BadSelector(f"{term.strip()!r} is not a field selector: {_FIELD_HELP}")
    name, operator, value = match.groups()
    if name not in fields:
        raise BadSelector(f"{name!r} is not a field to select by: choose from {', '.join(fields)}")
    if fields[name] and value not in fields[name]:
        raise BadSelector(f"{value!r} is no value of {name}: choose from {', '.join(fields[name])}")
    return Requirement(name, "notin" if operator == "!=" else "in", frozenset({value}))


def _terms(text: str) -> list[str]:
    """Split at the commas that are not in parentheses."""
    return re.split(r",(?![^()]*\))", text)
