"""From documents and etcd values to objects: what may be used of them, or why nothing may.

A manifest is what a person keeps in a file: what the server adds (uid, generation, status, binding and so on) is
dropped from it silently, so that the output of `get -o yaml` can be applied again. A value in etcd keeps those parts.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from taskyard.keys import ObjectKey
from taskyard.kinds import BY_KIND
from taskyard.manifest.check import accepts, validate
from taskyard.manifest.document import Document, as_document
from taskyard.manifest.json_reader import parse_json
from taskyard.manifest.limits import MAX_DOCUMENT_BYTES
from taskyard.manifest.problem import ManifestError, Problem
from taskyard.objects import OBJECT_TYPES, AnyObject, NodeSpec, key_of
from taskyard.objects.normal import normalize

SERVER_METADATA = ("uid", "generation", "createdAt", "deletionTimestamp", "source", "owner", "defaulted", "revision")
SERVER_FIELDS = ("status", "binding")

S = TypeVar("S", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def read_object(document: Document | Any) -> AnyObject | NodeSpec:
    """The object that a manifest describes, normalised, without what the server sets.

    ManifestError lists every problem.
    """
    whole = as_document(document)
    problems = validate(whole)
    if problems:
        raise ManifestError(problems)
    data = {key: value for key, value in whole.data.items() if key not in SERVER_FIELDS}
    data["metadata"] = {key: value for key, value in data["metadata"].items() if key not in SERVER_METADATA}
    if data["kind"] == "Node":
        spec = data.pop("spec", {})
        return _build(data | spec, NodeSpec, whole.source)
    value = _build(data, OBJECT_TYPES[data["kind"]], whole.source)
    return msgspec.structs.replace(value, spec=normalize(value.spec))


def read_value(raw: bytes, key: ObjectKey, source: str = "") -> AnyObject:
    """The object in an etcd value, which may have been put there by hand. ManifestError lists every problem.

    Kind, name and namespace must be those of the key; a value without a namespace has the key's. Quantities stay as
    they are written: intake normalises. A value of ours takes about 10 µs.
    """
    data = _strict(raw, source)
    if not accepts(data):
        raise ManifestError(validate(Document(source, 0, data)))
    if "status" in data or "revision" in data["metadata"]:
        data = {name: value for name, value in data.items() if name != "status"}
        data["metadata"] = {name: value for name, value in data["metadata"].items() if name != "revision"}
    if data["kind"] != key.kind:
        plural, wanted = BY_KIND[data["kind"]].plural, BY_KIND[key.kind]
        elsewhere = f"{plural} under {plural}/" if data["kind"] != "Node" else "nodes under nodes/<node>/spec"
        message = f"a {data['kind']} under the key of a {wanted.singular}"
        raise ManifestError(
            [Problem("kind", message, f"put {wanted.plural} under {wanted.plural}/, and {elsewhere}", source)]
        )
    if "namespace" not in data["metadata"] and key.namespace != "default":
        data = data | {"metadata": data["metadata"] | {"namespace": key.namespace}}
    value = _build(data, OBJECT_TYPES[key.kind], source)
    if key_of(value) != key:
        metadata = value.metadata
        message = (
            f"the {key.kind.lower()} is {metadata.namespace}/{metadata.name}, but its key says"
            f" {key.namespace}/{key.name}"
        )
        raise ManifestError([Problem("metadata", message, "put it under the key of its namespace and name", source)])
    return value


def _strict(raw: bytes, source: str) -> Any:
    """Strict JSON. What msgspec reads and writes back byte for byte hides nothing: no key twice, no odd number."""
    if len(raw) <= MAX_DOCUMENT_BYTES:
        try:
            data = _decode(raw)
            if _encode(data) == raw:
                return data
        except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
            pass
    return parse_json(raw, source)


def _build(data: dict[str, Any], kind: type[S], source: str) -> S:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:  # whole floats where integers belong, in data that no reader of ours made
        try:
            return msgspec.json.decode(_encode(_whole(data)), type=kind)
        except msgspec.ValidationError:
            raise ManifestError([Problem("", str(error), "", source)]) from error


def _whole(value: Any) -> Any:
    match value:
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
