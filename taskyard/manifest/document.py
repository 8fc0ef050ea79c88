"""Document: plain data read from a text, and where in the text each part of it stands.

The readers make documents; validation takes them (or plain data, which has no lines).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from taskyard.manifest.problem import Path, Problem, path_text


class Mark(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Positions:
    """Filled by a reader while it builds the data."""

    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    """How a number, true, false or null was spelt: `007`, `1.50`."""


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest. `line` is where it starts in its source."""

    source: str
    line: int
    data: Any
    positions: Positions = field(default_factory=Positions, repr=False, compare=False)

    def locate(self, path: Path, *, key: bool = False) -> Mark:
        """Where the value at `path` stands (or its key), or else the nearest thing around it that is there."""
        if key and path in self.positions.keys:
            return self.positions.keys[path]
        for length in range(len(path), -1, -1):
            mark = self.positions.values.get(path[:length])
            if mark is not None:
                return mark
        return Mark(self.line, 1 if self.line else 0)

    def problem(self, path: Path, message: str, hint: str = "", *, at: Mark | None = None) -> Problem:
        """A problem with the value at `path`, or at another place that shows it better."""
        mark = at or self.locate(path)
        return Problem(path_text(path), message, hint, self.source, mark.line, mark.column)


def as_document(value: object) -> Document:
    """Plain data as a document without lines."""
    return value if isinstance(value, Document) else Document("", 0, value)
