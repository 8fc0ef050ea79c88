"""Problem and ManifestError: what is wrong with a manifest, where, and what to write instead.

Paths into a document are tuples of keys and indexes inside this package, and text (`spec.ports[0].host`) outside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; 0 where the text is not known."""

    path: str
    message: str
    hint: str = ""
    source: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part)
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text} ({self.hint})" if self.hint else text


class ManifestError(ValueError):
    """Nothing of the manifest may be used; `problems` holds everything that was found, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def path_text(path: Path) -> str:
    """`spec.ports[0].host`; a key that is not a plain word is quoted: `spec.env["A B"]`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN_KEY.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f'["{shorten(step)}"]')
    return "".join(parts)


def shorten(text: str, limit: int = 60) -> str:
    """One line of printable text for a message."""
    clean = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def shown(value: object) -> str:
    """A value as it appears in a message: short, in quotes when it is text."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{shorten(value)}'"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return shorten(str(value))
