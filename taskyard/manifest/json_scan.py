"""A small strict JSON reader that knows where everything stands and goes on after faults that can be passed over.

Slow (pure Python), so it only reads what the fast reader has refused, and files whose problems need lines.
Called by json_reader alone.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from taskyard.manifest.document import Mark, Positions
from taskyard.manifest.limits import MAX_DEPTH, MAX_INTEGER, MAX_NODES
from taskyard.manifest.problem import Path, Problem, path_text, shorten
from taskyard.manifest.yaml_scalars import NotANumber, number

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[-+]?[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {"null": None, "true": True, "false": False}
_NOT_JSON = ("NaN", "Infinity", "-Infinity")
_STRING_START = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_STRING = re.compile(_STRING_START.pattern + '"')
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = len(str(MAX_INTEGER)) + 1


class SyntaxFault(Exception):
    """Nothing after this place can be read; the problem is already noted."""


class Scanner:
    """Reads one JSON text. `faults` holds the paths whose values are not what the text said."""

    def __init__(self, text: str, source: str) -> None:
        self.positions = Positions()
        self.problems: list[Problem] = []
        self.faults: set[Path] = set()
        self._text = text
        self._source = source
        self._at = 0
        self._nodes = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._line = 0

    def read(self) -> Any:
        """The whole text's value. Raises SyntaxFault."""
        self._space()
        value = self._value(())
        self._space()
        if self._at < len(self._text):
            self._fail("there is more text after the end of the document", "send one JSON value")
        return value

    def _value(self, path: Path) -> Any:
        self.positions.values[path] = self._mark()
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fail(
                f"the document has more than {MAX_NODES} keys and values", "split it into several documents", path
            )
        first = self._text[self._at : self._at + 1]
        if first in ("{", "["):
            if len(path) >= MAX_DEPTH:
                self._fail(f"more than {MAX_DEPTH} levels deep", "a manifest needs no such depth", path)
            return self._object(path) if first == "{" else self._list(path)
        if first == '"':
            return self._string(path)
        match = _NUMBER.match(self._text, self._at)
        if match:
            return self._number(match, path)
        return self._word(path)

    def _object(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        self._at += 1
        self._space()
        if self._take("}"):
            return result
        while True:
            if self._peek() != '"':
                self._fail("a key in double quotes is missing here", 'write "key": value, with no comma before }', path)
            mark = self._mark()
            key = self._string(path)
            child = (*path, key)
            self._nodes += 1
            self._space()
            if not self._take(":"):
                self._fail("':' is missing here", 'write "key": value', child)
            self._space()
            if key in result:
                first = self.positions.keys[child].line
                message = f"the key '{shorten(key)}' is given twice, first in line {first}"
                self._note(child, mark, message, "keep one of them")
            self.positions.keys[child] = mark
            result[key] = self._value(child)
            self._space()
            if self._take("}"):
                return result
            if not self._take(","):
                self._fail("',' or '}' is missing here", "separate the fields with commas", child)
            self._space()

    def _list(self, path: Path) -> list[Any]:
        result: list[Any] = []
        self._at += 1
        self._space()
        if self._take("]"):
            return result
        while True:
            result.append(self._value((*path, len(result))))
            self._space()
            if self._take("]"):
                return result
            if not self._take(","):
                self._fail("',' or ']' is missing here", "separate the items with commas", path)
            self._space()

    def _string(self, path: Path) -> str:
        start = self._mark()
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._bad_string(path)
        self._at = match.end()
        value: str = json.loads(match[0])
        if _SURROGATE.search(value):
            message = "half of a surrogate pair is not a character"
            self.faults.add(path)
            self._note(path, start, message, "write the character itself, or both halves of the pair")
            value = _SURROGATE.sub("�", value)
        return value

    def _bad_string(self, path: Path) -> NoReturn:
        """Says at which character a string stops being one."""
        match = _STRING_START.match(self._text, self._at)
        end = match.end() if match else self._at
        character = self._text[end : end + 1]
        if character == "\\":
            self._at = end
            self._fail("the escape is not one of JSON's", r"write \\ for a backslash", path)
        if character:
            self._at = end
            self._fail(f"{character!r} cannot stand in a string", r"write \n for a line break and \t for a tab", path)
        self._fail("a string is opened here and never closed", 'close it with "', path)

    def _number(self, match: re.Match[str], path: Path) -> int | float:
        start, text = self._mark(), match[0]
        self._at = match.end()
        if self._peek().isalnum() or self._peek() in (".", "_"):
            self._at = match.start()
            self._fail(f"{shorten(self._rest())} is not a JSON number", "quote it if it is text", path)
        self.positions.written[path] = text
        try:
            if match[1] or match[2]:
                return number(text)
            if len(text) > _LONGEST_INTEGER or abs(int(text)) > MAX_INTEGER:
                raise NotANumber(f"the number is larger than {MAX_INTEGER}")
        except NotANumber as error:
            self.faults.add(path)
            self._note(path, start, f"{shorten(text)} cannot be used: {error}", "quote it if it is text")
            return 0
        return int(text)

    def _word(self, path: Path) -> bool | None:
        value: bool | None = None
        match = _WORD.match(self._text, self._at)
        word = match[0] if match else ""
        if word in _WORDS or word in _NOT_JSON:
            if word in _NOT_JSON:
                self.faults.add(path)
                self._note(path, self._mark(), f"{word} is not JSON", "write a number, or quote it if it is text")
            self._at += len(word)
            self.positions.written[path] = word
            value = _WORDS.get(word)
        elif self._at >= len(self._text):
            self._fail("the text ends too early", "a value, ] or } is missing", path)
        elif self._peek() in ("]", "}", ",", ":"):
            self._fail(f"a value is missing before '{self._peek()}'", "write a value, or remove the comma", path)
        else:
            self._fail(f"{shorten(self._rest())} is not a JSON value", "put text in double quotes", path)
        return value

    def _rest(self) -> str:
        return re.split(r"[\s,\]}]", self._text[self._at : self._at + 200], maxsplit=1)[0] or self._peek()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        found = self._peek() == character
        self._at += found
        return found

    def _space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _mark(self) -> Mark:
        while self._line + 1 < len(self._line_starts) and self._line_starts[self._line + 1] <= self._at:
            self._line += 1
        return Mark(self._line + 1, self._at - self._line_starts[self._line] + 1)

    def _note(self, path: Path, mark: Mark, message: str, hint: str) -> None:
        self.problems.append(Problem(path_text(path), message, hint, self._source, mark.line, mark.column))

    def _fail(self, message: str, hint: str, path: Path = ()) -> NoReturn:
        self._note(path, self._mark(), message, hint)
        raise SyntaxFault
