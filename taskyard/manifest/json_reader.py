"""parse_json: strict JSON from bytes. No NaN, no key twice, no number beyond 64 bits, bounded depth, valid UTF-8.

What is right is read by the standard library in C; what is not is read again by json_scan, which says where and why.
"""

from __future__ import annotations

import json
from typing import Any

from taskyard.manifest.document import Document
from taskyard.manifest.json_scan import Scanner, SyntaxFault
from taskyard.manifest.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_INTEGER, MAX_NODES, MAX_PROBLEMS
from taskyard.manifest.problem import ManifestError, Path, Problem
from taskyard.manifest.yaml_scalars import number

_LONGEST_INTEGER = len(str(MAX_INTEGER)) + 1


def parse_json(raw: bytes, source: str) -> Any:
    """The value of a JSON text. ManifestError with every problem that could be found."""
    try:
        text = _decode(raw, source)
        value = json.JSONDecoder(
            object_pairs_hook=_pairs, parse_int=_integer, parse_float=number, parse_constant=_constant
        ).decode(text)
        _check_size(value)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except ManifestError:
        raise
    except (ValueError, RecursionError):
        document, problems, _ = read_json(raw, source)
        if problems or document is None:
            raise ManifestError(problems) from None
        return document.data
    return value


def read_json(raw: bytes, source: str) -> tuple[Document | None, list[Problem], set[Path]]:
    """A document that knows its lines, what is wrong, and the paths that do not hold what the text said."""
    try:
        scanner = Scanner(_decode(raw, source), source)
    except ManifestError as error:
        return None, list(error.problems), set()
    try:
        data = scanner.read()
    except SyntaxFault:
        return None, scanner.problems[-MAX_PROBLEMS:], set()
    line = scanner.positions.values[()].line
    return Document(source, line, data, scanner.positions), scanner.problems[:MAX_PROBLEMS], scanner.faults


def _decode(raw: bytes, source: str) -> str:
    if len(raw) > MAX_DOCUMENT_BYTES:
        message = f"the document has {len(raw)} bytes; at most {MAX_DOCUMENT_BYTES} are read"
        raise ManifestError([Problem("", message, "split it, or move large data into the image", source, 1, 1)])
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ManifestError([Problem("", "the text is UTF-16", "save it as UTF-8", source, 1, 1)])
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"byte 0x{raw[error.start]:02x} is not valid UTF-8"
        raise ManifestError([Problem("", message, "send the text as UTF-8", source, line, column)]) from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key twice")
    return result


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or abs(value := int(text)) > MAX_INTEGER:
        raise ValueError("beyond 64 bits")
    return value


def _constant(text: str) -> Any:
    raise ValueError(text)


def _check_size(value: Any) -> None:
    """Raises ValueError for what is too deep or has too many parts. Level by level: nothing recurses."""
    level, nodes = [value], 0
    for depth in range(MAX_DEPTH + 2):
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                nodes += len(item)
                children += item.values()
            elif isinstance(item, list):
                children += item
        nodes += len(level)
        if nodes > MAX_NODES:
            raise ValueError("too many parts")
        if not children:
            containers = any(isinstance(item, dict | list) for item in level)
            if containers and depth >= MAX_DEPTH:
                raise ValueError("too deep")
            return
        level = children
    raise ValueError("too deep")
