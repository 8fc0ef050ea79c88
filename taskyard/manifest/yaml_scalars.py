"""What an unquoted YAML word means: the types of YAML 1.2's core schema, decimal only.

`no`, `on`, `22:22`, `2026-01-31`, `1_000`, `0o17` and `0x1F` are text: the first five are traps of YAML 1.1, the
last two are numbers to some readers and text to others, so that a manifest that relies on them is not portable.
"""

from __future__ import annotations

import re
from math import isfinite

from taskyard.manifest.limits import MAX_INTEGER

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FIRST = frozenset("-+.0123456789~nNtTfF")
_LONGEST_NUMBER = 64


class NotANumber(ValueError):
    """A number that JSON or 64 bits cannot hold."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. NotANumber for infinities, not-a-number and integers beyond 64 bits."""
    if text and text[0] not in _FIRST:
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return number(text)
    if _NOT_FINITE.fullmatch(text):
        raise NotANumber("infinity and not-a-number are not values here")
    return text


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or abs(value := int(text)) > MAX_INTEGER:
        raise NotANumber(f"the number is larger than {MAX_INTEGER}")
    return value


def number(text: str) -> int | float:
    """A decimal fraction or exponent; a whole one becomes an int, as JSON Schema sees it: 80.0 is 80."""
    value = float(text)
    if not isfinite(value):
        raise NotANumber("the number is too large")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
