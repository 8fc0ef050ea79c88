"""parse_yaml: documents from YAML that somebody sent, within limits, with a place for every part and every problem.

The syntax is libyaml's (through PyYAML, event by event); encoding and cutting are yaml_text's, building yaml_build's.
Used by load, which also validates, and by the REST facade for bodies of one document.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import DocumentStartEvent, Event, ScalarEvent, StreamEndEvent

from taskyard.manifest.document import Document
from taskyard.manifest.limits import MAX_PROBLEMS
from taskyard.manifest.problem import ManifestError, Path, Problem
from taskyard.manifest.yaml_build import Builder, LimitReached, place
from taskyard.manifest.yaml_text import Chunk, decode, split

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SYNTAX_HINTS = (
    ("cannot start any token", "\t", "indent with spaces, not tabs"),
    ("found a tab character", "", "indent with spaces, not tabs"),
    ("cannot start any token", "", "quote text that starts with @, ` or %"),
    ("mapping values are not allowed", "", "quote text that holds ': ', and check the indentation"),
    ("could not find expected ':'", "", "write 'key: value', and check the indentation and open quotes above"),
    ("found unexpected end of stream", "", "a quote is opened here and never closed"),
    ("did not find expected ',' or ']'", "", "close the list that is opened with ["),
    ("did not find expected ',' or '}'", "", "close the mapping that is opened with {"),
    ("did not find expected node content", "", "close what is opened with [ or {, and write a value here"),
    ("did not find expected '-' indicator", "", "start every item of the list with '- ' in the same column"),
    ("did not find expected key", "", "start the keys of one mapping in the same column, and close open quotes"),
    ("unknown escape character", "", "use single quotes, in which a backslash is only a backslash"),
    ("did not find expected hexadecimal number", "", "use single quotes, in which a backslash is only a backslash"),
    ("invalid Unicode character escape code", "", "an escape must name a character, not half of a surrogate pair"),
    ("did not find expected <document start>", "", "check the indentation: the first document ends above this line"),
    ("block sequence entries are not allowed", "", "start a list on a line of its own, below its key"),
    ("did not find expected whitespace", "", "quote text that starts with &, *, ! or |"),
    ("did not find expected alphabetic", "", "quote text that starts with & or *"),
)


def parse_yaml(text: bytes | str, source: str) -> list[Document]:
    """Every document of the text; those that are empty are left out. ManifestError holds all problems of all of them.

    A text without any document is an error too: a file that was emptied by accident must not pass for a manifest.
    """
    documents, problems, _ = read_yaml(text, source)
    if problems:
        raise ManifestError(problems)
    return documents


def read_yaml(text: bytes | str, source: str) -> tuple[list[Document], list[Problem], list[set[Path]]]:
    """What could be built, what is wrong, and for each document the paths that do not hold what the text said."""
    documents: list[Document] = []
    faults: list[set[Path]] = []
    try:
        chunks, problems = split(decode(text, source), source)
    except ManifestError as error:
        return [], list(error.problems), []
    for chunk in chunks:
        document, found, wrong = _read_chunk(chunk, source)
        problems += found[:MAX_PROBLEMS]
        if document is not None:
            faults.append(wrong)
            documents.append(document)
    if not documents and not problems:
        hint = "write at least apiVersion, kind, metadata and spec"
        problems.append(Problem("", "there is no document here: the text is empty", hint, source, 1, 1))
    return documents, sorted(problems, key=lambda problem: problem.line), faults


def _read_chunk(chunk: Chunk, source: str) -> tuple[Document | None, list[Problem], set[Path]]:
    parser = _Parser(chunk.text)
    builder = Builder(parser.get_event, source, chunk.line - 1)
    try:
        while True:
            event: Event = parser.get_event()
            if isinstance(event, StreamEndEvent):
                return None, [], set()
            if isinstance(event, DocumentStartEvent):
                break
        event = parser.get_event()
        if isinstance(event, ScalarEvent) and not (event.value or event.style or event.tag or event.anchor):
            return None, [], set()
        data = builder.node(event, ())
        parser.get_event()
        rest = parser.get_event()
        if not isinstance(rest, StreamEndEvent):
            line, column = place(rest.start_mark, chunk.line - 1)
            hint = "check the indentation, or separate documents with ---"
            message = "there is more text after the end of the document"
            problem = Problem("", message, hint, source, line, column)
            return None, [*builder.problems, problem], set()
    except LimitReached:
        return None, builder.problems, set()
    except yaml.YAMLError as error:
        return None, [*builder.problems, _syntax_problem(error, chunk, source)], set()
    finally:
        parser.dispose()
    return (
        Document(source, builder.positions.values[()].line, data, builder.positions),
        builder.problems,
        builder.faults,
    )


def _syntax_problem(error: yaml.YAMLError, chunk: Chunk, source: str) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem("", f"not YAML: {error}", "", source, chunk.line, 1)
    mark, message = error.problem_mark, error.problem or "cannot be read"
    lines = chunk.text.rstrip().split("\n")
    at_end = mark.line >= len(lines)
    if error.context_mark is not None and (at_end or "',' or" in message):
        mark = error.context_mark
    row, column = (mark.line, mark.column) if mark.line < len(lines) else (len(lines) - 1, len(lines[-1]))
    rest = lines[row][column:]
    hint = next((text for part, start, text in _SYNTAX_HINTS if part in message and rest.startswith(start)), "")
    if error.context:
        message = f"{error.context}: {message}"
    return Problem("", f"not YAML: {message}", hint, source, row + chunk.line, column + 1)
