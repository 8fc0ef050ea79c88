"""How values of labels and attributes compare: as numbers, as versions, by regular expression.

Used to check what a manifest says, and by placement to hold it against nodes. Regular expressions are RE2's: no back
references, no look-around, and matching takes time linear in the text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from taskyard.quantity import byte_count, cpu_millis

LONGEST_PATTERN = 128
"""Characters. RE2 also bounds what it compiles one into."""
_PROGRAM = 1 << 20
"""Bytes that a compiled pattern may take."""
_PLAIN = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?", re.ASCII)
_VERSION = re.compile(
    r"v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:[-~]?([A-Za-z][0-9A-Za-z.-]{0,60}))?(?:\+[0-9A-Za-z.-]{0,60})?", re.ASCII
)
_CLAUSE = re.compile(r"\s*(>=|<=|!=|=|<|>)?\s*(\S+)\s*", re.ASCII)


def number(text: str) -> Decimal:
    """Of `4`, `-1.5`, `500m` (half a core), `16Gi`. ValueError otherwise."""
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    try:
        return Decimal(cpu_millis(text)) / 1000
    except ValueError:
        pass
    try:
        return Decimal(byte_count(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a number: write 4, 0.5, 500m or 16Gi") from None


Version = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


@lru_cache(maxsize=4096)
def version(text: str) -> Version:
    """Something that sorts as versions do: `1.2` = `1.2.0` < `1.10-rc1` < `1.10`. ValueError for what is none."""
    match = _VERSION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a version: write '20.10' or '1.2.3-rc1'")
    parts = [int(part) for part in match[1].split(".")]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    before = match[2] or ""
    steps = tuple(
        (not step.isdigit(), int(step) if step.isdigit() else 0, step) for step in re.findall(r"\d+|[A-Za-z]+", before)
    )
    return tuple(parts), not before, steps


def clauses(text: str) -> list[tuple[str, Version]]:
    """Of `>= 1.2, < 2`. ValueError says what is wrong."""
    found = []
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        if not match:
            raise ValueError(f"{clause.strip()!r} is not a comparison of versions: write '>= 1.2, < 2'")
        found.append((match[1] or "=", version(match[2])))
    return found


def version_admits(wanted: str, value: str) -> bool:
    """All of the comparisons hold for the value. ValueError when one of the two is not what it should be."""
    have = version(value)
    return all(_HOLDS[operator](have, other) for operator, other in clauses(wanted))


_HOLDS = {
    ">=": lambda have, other: have >= other,
    "<=": lambda have, other: have <= other,
    "!=": lambda have, other: have != other,
    "=": lambda have, other: have == other,
    "<": lambda have, other: have < other,
    ">": lambda have, other: have > other,
}


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """ValueError when it is not an expression that RE2 takes, or too large a one."""
    import re2  # A tenth of a second that only those pay who use one.

    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"it has {len(pattern)} characters: at most {LONGEST_PATTERN} are allowed")
    options = re2.Options()
    options.max_mem = _PROGRAM
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else error
        reason = text.decode() if isinstance(text, bytes) else str(text)
        raise ValueError(f"{pattern!r} is not a regular expression of RE2: {reason}") from None
