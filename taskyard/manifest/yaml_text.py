"""From bytes to documents of text: encoding, characters that cannot be, sizes, and the cuts at `---` and `...`.

A line that starts with `---` or `...` ends a document wherever it stands, even inside quotes, so the text can be cut
before it is parsed, and a fault in one document hides nothing in the next. Called by yaml_reader alone.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from taskyard.manifest.limits import MAX_DOCUMENT_BYTES, MAX_STREAM_BYTES
from taskyard.manifest.problem import ManifestError, Problem

_CUT = re.compile(r"^(?:---|\.\.\.)(?=[ \t\n]|\Z)", re.MULTILINE)
_FORBIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one document; `line` is the number of its first line in the source."""

    text: str
    line: int


def decode(raw: bytes | str, source: str) -> str:
    """Text without its byte order mark. ManifestError when it is not UTF-8 or larger than a stream may be."""
    if len(raw) > MAX_STREAM_BYTES:
        raise _too_large(source, 1, len(raw), MAX_STREAM_BYTES, "the input")
    if isinstance(raw, str):
        return _one_line_end(raw)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManifestError([Problem("", "the text is UTF-16", "save it as UTF-8", source, 1, 1)])
    try:
        return _one_line_end(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = _place(before, len(before))
        message = f"byte 0x{raw[error.start]:02x} is not valid UTF-8"
        raise ManifestError([Problem("", message, "save the text as UTF-8", source, line, column)]) from error


def _one_line_end(text: str) -> str:
    return text.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")


def split(text: str, source: str) -> tuple[list[Chunk], list[Problem]]:
    """The documents, and what makes some of them unreadable (those are left out)."""
    starts = [0, *(match.start() for match in _CUT.finditer(text))]
    chunks: list[Chunk] = []
    problems: list[Problem] = []
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        chunk_line = line
        line += part.count("\n")
        if part.startswith("..."):
            part = part[3:]
        if not part.strip():
            continue
        problem = _unreadable(part, source, chunk_line)
        if problem is None and (directives := _directives(part)):
            problems += [
                Problem("", f"the directive {text} is not supported", "remove the line", source, chunk_line + at, 1)
                for at, text in directives
                if text.split() != ["%YAML", "1.2"]
            ]
            continue
        if problem is None:
            chunks.append(Chunk(part, chunk_line))
        else:
            problems.append(problem)
    return chunks, problems


def _directives(part: str) -> list[tuple[int, str]]:
    """The `%` lines of a part that holds nothing else, with their offsets in lines: what stands before a `---`."""
    lines = [(at, line.strip()) for at, line in enumerate(part.split("\n")) if line.strip() and line.strip()[0] != "#"]
    return lines if all(line.startswith("%") for _, line in lines) else []


def _unreadable(part: str, source: str, line: int) -> Problem | None:
    if len(part) > MAX_DOCUMENT_BYTES or len(part.encode("utf-8", "replace")) > MAX_DOCUMENT_BYTES:
        return _too_large(source, line, len(part), MAX_DOCUMENT_BYTES, "the document").problems[0]
    bad = _FORBIDDEN.search(part)
    if bad is None:
        return None
    row, column = _place(part, bad.start())
    code = ord(bad[0])
    name = "a NUL character" if code == 0 else f"the character U+{code:04X}"
    hint = "remove it, or write it as an escape in double quotes" if code else "remove it"
    return Problem("", f"{name} cannot stand in a YAML text", hint, source, line + row - 1, column)


def _too_large(source: str, line: int, size: int, limit: int, what: str) -> ManifestError:
    message = f"{what} has {size} bytes; at most {limit} are read"
    return ManifestError([Problem("", message, "split it, or move large data into the image", source, line, 1)])


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
