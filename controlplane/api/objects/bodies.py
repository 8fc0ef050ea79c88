"""From the bytes of a request to validated objects: syntax errors are a 400, invalid objects a 422, with every problem.

The parsing and the schemas are taskyard.manifest's. Runs in worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from controlplane.api.http.problem import ApiError, Violation
from controlplane.api.http.request import JSON, YAML
from taskyard.kinds import BY_KIND
from taskyard.manifest import (
    Document,
    ManifestError,
    Problem,
    from_flat,
    is_list,
    parse_json,
    parse_yaml,
    read_object,
    unfold,
)
from taskyard.objects import AnyObject, NodeSpec
from taskyard.prepare import prepare

_MANIFEST_KEYS = frozenset({"apiVersion", "kind", "metadata", "spec"})
_BODY = "<body>"


@dataclass(frozen=True, slots=True)
class Sent:
    """One object of an apply, where its author has it (`web.yaml:12`), and as it was sent."""

    source: str
    value: AnyObject | NodeSpec
    data: Any

    @property
    def identity(self) -> str:
        """`Kind/namespace/name`, without the namespace for a kind that is in none."""
        metadata = self.value.metadata
        namespace = metadata.namespace if BY_KIND[self.value.kind].namespaced else ""
        return f"{self.value.kind}/{namespace}/{metadata.name}"


def data_of(raw: bytes, media_type: str) -> Any:
    """The JSON or the only YAML document in the body."""
    return _document(raw, media_type).data


def task_of(raw: bytes, media_type: str, name: str = "", namespace: str = "") -> AnyObject:
    """A manifest, the flat body or the event form. `name` and `namespace` of the URL fill in, and must agree."""
    document = _document(raw, media_type)
    data = document.data
    if isinstance(data, dict) and not _MANIFEST_KEYS & data.keys():
        filled = {"name": name, **data} if name and "Task" not in data and "task" not in data else data
        try:
            document = Document(_BODY, 0, from_flat(filled))
        except ManifestError as error:
            raise invalid(error.problems) from error
    return _object(document, "Task", name, namespace)


def reader_of(kind: str) -> Callable[[bytes, str, str, str], AnyObject]:
    """As `task_of`, of manifests of another kind."""
    return lambda raw, media_type, name, namespace: _object(_document(raw, media_type), kind, name, namespace)


def same_object(data: Any, stored: AnyObject) -> AnyObject:
    """The object in this data, which has to be the one that is stored."""
    metadata = stored.metadata
    return _object(Document(_BODY, 0, data), stored.kind, metadata.name, metadata.namespace)


def _object(document: Document, kind: str, name: str, namespace: str) -> AnyObject:
    try:
        _fill(document.data, name, namespace if BY_KIND[kind].namespaced else "")
        value = read_object(document)
    except ManifestError as error:
        raise invalid(error.problems) from error
    if isinstance(value, NodeSpec) or value.kind != kind:
        plural = BY_KIND[value.kind].plural
        hint = "send nodes to /nodes/NAME or /apply" if plural == "nodes" else f"send {plural} to /{plural} or /apply"
        raise invalid([Problem("kind", f"'{value.kind}' is not a {kind}", hint)])
    problems = [
        Problem(f"metadata.{field}", f"'{given}' is not the {field} in the URL, '{asked}'", "make them the same")
        for field, given, asked in (
            ("name", value.metadata.name, name),
            ("namespace", value.metadata.namespace, namespace if BY_KIND[kind].namespaced else ""),
        )
        if asked and given != asked
    ]
    if problems:
        raise invalid(problems)
    return value


def node_of(data: Any, name: str) -> NodeSpec:
    """A Node manifest, whose name must be the URL's."""
    try:
        value = read_object(Document(_BODY, 0, data))
    except ManifestError as error:
        raise invalid(error.problems) from error
    if not isinstance(value, NodeSpec):
        raise invalid([Problem("kind", f"'{value.kind}' is not a Node", "send tasks to /tasks or /apply")])
    if value.metadata.name != name:
        message = f"'{value.metadata.name}' is not the name in the URL, '{name}'"
        raise invalid([Problem("metadata.name", message, "make them the same")])
    return value


def apply_of(raw: bytes, media_type: str) -> list[Sent]:
    """The objects of `POST /apply`, all of them valid: an envelope with documents in JSON, a stream of YAML, or a list.

    A list may also stand among the documents.
    """
    problems: list[Problem] = []
    documents: list[Document] = []
    for whole in _yaml(raw) if media_type in YAML else _enveloped(raw):
        items, found = unfold(whole)
        documents += items
        problems += found
    return _read(documents, problems)


def read_all(documents: Sequence[tuple[str, Any]]) -> list[Sent]:
    """As `apply_of`, of objects that are parsed already, each with its source."""
    return _read([Document(source, 0, data) for source, data in documents], [])


def _read(documents: Sequence[Document], problems: list[Problem]) -> list[Sent]:
    """All of them, valid; `problems` that were found before are reported with theirs."""
    sent: list[Sent] = []
    for document in documents:
        try:
            sent.append(Sent(document.source, read_object(document), document.data))
        except ManifestError as error:
            problems += error.problems
    problems += _repeated(sent)
    if problems:
        raise invalid(problems)
    return sent


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    object: msgspec.Raw
    source: str = ""


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    documents: list[_Item]


class _Folded(msgspec.Struct, frozen=True):
    kind: str = ""


prepare(_Envelope, _Folded)


def _enveloped(raw: bytes) -> list[Document]:
    """Limits hold for each object, as they do for each document of a file."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if is_list({"kind": msgspec.json.decode(raw, type=_Folded).kind}):
            return [_document(raw, JSON)]
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = 'send {"documents": [{"source": "web.yaml:1", "object": {…}}, …]}'
        detail = f"the body is not an apply: {error}; {hint}"
        raise ApiError(400, "Syntax", detail, violations=[Violation("", str(error), hint)]) from error
    documents: list[Document] = []
    problems: list[Problem] = []
    for index, item in enumerate(envelope.documents):
        source = item.source or f"documents[{index}]"
        try:
            documents.append(Document(source, 0, parse_json(bytes(item.object), source)))
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise invalid(problems, 400)
    return documents


def _yaml(raw: bytes) -> list[Document]:
    try:
        return parse_yaml(raw, _BODY)
    except ManifestError as error:
        raise invalid(error.problems, 400) from error


def invalid(problems: Sequence[Problem], status: int = 422) -> ApiError:
    count = len(problems)
    what = "is not valid" if status == 422 else "cannot be read"
    first = f"{problems[0].path}: {problems[0].message}" if problems[0].path else problems[0].message
    detail = f"the body {what}: {first}" if count == 1 else f"the body {what}: {count} problems, the first is {first}"
    return ApiError(
        status, "Invalid" if status == 422 else "Syntax", detail, violations=[_violation(p) for p in problems]
    )


def _document(raw: bytes, media_type: str) -> Document:
    if media_type in YAML:
        documents = _yaml(raw)
        if len(documents) != 1:
            detail = f"the body holds {len(documents)} documents, not one: send one at a time, or several to /apply"
            raise ApiError(400, "Syntax", detail)
        return documents[0]
    try:
        return Document(_BODY, 0, parse_json(raw, _BODY))
    except ManifestError as error:
        raise invalid(error.problems, 400) from error


def _fill(data: Any, name: str, namespace: str) -> None:
    metadata = data.setdefault("metadata", {}) if isinstance(data, dict) else None
    if isinstance(metadata, dict):
        for field, value in (("name", name), ("namespace", namespace)):
            if value:
                metadata.setdefault(field, value)


def _repeated(sent: Sequence[Sent]) -> list[Problem]:
    problems = []
    first: dict[tuple[str, str, str], str] = {}
    for each in sent:
        metadata = each.value.metadata
        key = (each.value.kind, metadata.namespace, metadata.name)
        if key in first:
            message = f"{each.value.kind.lower()}/{metadata.name} is declared twice, also in {first[key] or 'another'}"
            problems.append(Problem("metadata.name", message, "remove or rename one of them", each.source))
        first.setdefault(key, each.source)
    return problems


def _violation(problem: Problem) -> Violation:
    return Violation(problem.path, problem.message, problem.hint, problem.source, problem.line, problem.column)
