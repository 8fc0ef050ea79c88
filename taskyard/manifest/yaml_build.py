"""Builds plain data from the events of one YAML document, and refuses what a manifest has no use for.

Limits are checked event by event, so nothing deep or large is ever built. PyYAML's own composer is not used: it
recurses in C (100,000 nested lists crash the process), follows aliases, and types words as YAML 1.1 does.
Called by yaml_reader alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from taskyard.manifest.document import Mark, Positions
from taskyard.manifest.limits import MAX_DEPTH, MAX_NODES
from taskyard.manifest.problem import Path, Problem, path_text, shorten
from taskyard.manifest.yaml_scalars import NotANumber, resolve


class _ParserMark(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


_START = (MappingStartEvent, SequenceStartEvent)
_END = (MappingEndEvent, SequenceEndEvent)


def place(mark: _ParserMark | None, line_offset: int) -> Mark:
    """Where the parser (which counts from 0, in its own text) says that something stands."""
    return Mark(mark.line + 1 + line_offset, mark.column + 1) if mark is not None else Mark(1 + line_offset, 1)


class LimitReached(Exception):
    """The document is not read any further; the problem is already noted."""


class Builder:
    """Builds one document. `faults` holds the paths whose values are not what the text said."""

    def __init__(self, next_event: Callable[[], Event], source: str, line_offset: int) -> None:
        self.positions = Positions()
        self.problems: list[Problem] = []
        self.faults: set[Path] = set()
        self._next = next_event
        self._source = source
        self._offset = line_offset
        self._nodes = 0

    def node(self, event: Event, path: Path) -> Any:
        """The value that starts with `event`. Raises LimitReached, or the parser's error."""
        mark = self._mark(event)
        self.positions.values[path] = mark
        self._count(path, mark)
        if isinstance(event, AliasEvent):
            self._fault(
                path, mark, f"the alias *{shorten(event.anchor or '')} is not supported", "write the value out here"
            )
            return None
        self._refuse_extras(event, path, mark)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path, mark)
        if len(path) >= MAX_DEPTH:
            self._fault(path, mark, f"more than {MAX_DEPTH} levels deep", "a manifest needs no such depth")
            raise LimitReached
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            mark = self._mark(event)
            key = self._key(event, path, mark)
            value = self._next()
            if key is None:
                self._skip(value, path)
                continue
            child = (*path, key)
            if key in mapping:
                first = self.positions.keys[child].line
                message = f"the key '{shorten(key)}' is given twice, first in line {first}"
                self._note(child, mark, message, "keep one of them")
                self._skip(value, path)
                continue
            self.positions.keys[child] = mark
            mapping[key] = self.node(value, child)
        return mapping

    def _key(self, event: Event, path: Path, mark: Mark) -> str | None:
        """None for a key that cannot be used; it has been noted then."""
        self._count(path, mark)
        if not isinstance(event, ScalarEvent):
            self.faults.add(path)
            what = "an alias" if isinstance(event, AliasEvent) else "a list or mapping"
            self._note(
                path, mark, f"a key cannot be {what}", "write the key as text; quote text that starts with { or ["
            )
            self._skip(event, path)
            return None
        self._refuse_extras(event, path, mark)
        text: str = event.value
        if event.style or event.tag is not None:
            return text
        if text == "<<":
            self._note((*path, text), mark, "the merge key << is not supported", "write the fields out here")
            return None
        try:
            value = resolve(text)
        except NotANumber:
            value = 0
        if isinstance(value, str):
            return value
        what = "empty" if text == "" else f"{text}, which is not text"
        self._note(
            path, mark, f"a key is {what}", f"quote it: '{shorten(text)}'" if text else "write the key before ':'"
        )
        return None

    def _scalar(self, event: ScalarEvent, path: Path, mark: Mark) -> str | int | float | bool | None:
        text: str = event.value
        if event.style or event.tag is not None:
            return text
        try:
            value = resolve(text)
        except NotANumber as error:
            self._fault(
                path, mark, f"{shorten(text)} cannot be used: {error}", f"quote it if it is text: '{shorten(text)}'"
            )
            return None
        if not isinstance(value, str):
            self.positions.written[path] = text
        return value

    def _refuse_extras(self, event: Event, path: Path, mark: Mark) -> None:
        if not isinstance(event, NodeEvent):
            return
        if event.anchor is not None:
            hint = "write the value out where it is needed, and remove the anchor"
            self._note(path, mark, f"the anchor &{shorten(event.anchor)} is not supported", hint)
        tag = getattr(event, "tag", None)
        if tag is not None:
            if isinstance(event, ScalarEvent):
                self.faults.add(path)
            hint = "remove it, and quote a value that is to be text"
            self._note(path, mark, f"the tag {shorten(tag.replace('tag:yaml.org,2002:', '!!'))} is not supported", hint)

    def _skip(self, event: Event, path: Path) -> None:
        """Reads past a value that is not used."""
        depth = 0
        while True:
            self._count(path, self._mark(event))
            depth += isinstance(event, _START) - isinstance(event, _END)
            if depth > MAX_DEPTH:
                self._fault(path, self._mark(event), f"more than {MAX_DEPTH} levels deep")
                raise LimitReached
            if depth <= 0:
                return
            event = self._next()

    def _count(self, path: Path, mark: Mark) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"the document has more than {MAX_NODES} keys and values"
            self._fault(path, mark, message, "split it into several documents")
            raise LimitReached

    def _fault(self, path: Path, mark: Mark, message: str, hint: str = "") -> None:
        self.faults.add(path)
        self._note(path, mark, message, hint)

    def _note(self, path: Path, mark: Mark, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path_text(path), message, hint, self._source, mark.line, mark.column))

    def _mark(self, event: Event) -> Mark:
        return place(event.start_mark, self._offset)
