"""What happened, in order: every write, call and fault of a run, and the few lines of it that explain a violation."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from taskyard import keys
from taskyard.store.api import KeyEvent

_LINES = 45


class Violation(Exception):
    """An invariant does not hold. `about` names what it concerns: uids, task names, nodes."""

    def __init__(self, message: str, *about: str) -> None:
        super().__init__(message)
        self.about = tuple(name for name in about if name)


class Line(msgspec.Struct, frozen=True, gc=False):
    at: float
    """Seconds since the start of the run."""
    who: str
    happened: str | KeyEvent
    """A write is put into words only when somebody reads the story."""
    fault: bool = False

    @property
    def what(self) -> str:
        return self.happened if isinstance(self.happened, str) else told(self.happened)

    def __str__(self) -> str:
        return f"{self.at:9.3f}  {self.who:<20} {self.what}"


@dataclass(slots=True)
class Story:
    lines: list[Line] = field(default_factory=list)

    def tell(self, at: float, who: str, happened: str | KeyEvent, *, fault: bool = False) -> None:
        self.lines.append(Line(at, who, happened, fault))

    def trace(self) -> str:
        return "\n".join(map(str, self.lines))

    def about(self, names: tuple[str, ...]) -> str:
        """The last lines that name any of these, with the faults between them."""
        words = [line.what for line in self.lines]
        named = [i for i, what in enumerate(words) if any(name in what for name in names)][-_LINES:]
        first = named[0] if named else max(len(self.lines) - _LINES, 0)
        wanted = set(named) if named else set(range(first, len(self.lines)))
        faults = [i for i in range(first, len(self.lines)) if self.lines[i].fault][-_LINES:]
        return "\n".join(str(self.lines[i]) for i in sorted(wanted.union(faults)))


def told(event: KeyEvent) -> str:
    """A write, as a line says it."""
    key = event.key.removeprefix(keys.ROOT)
    if event.entry is None:
        return f"@{event.revision} deletes {key}"
    return f"@{event.revision} puts {key} {event.entry.value.decode(errors='replace')[:400]}"
