"""Objects to and from etcd values: compact JSON that a person can read."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from taskyard.objects.base import Wire
from taskyard.objects.task import TaskSpec

T = TypeVar("T", bound=Wire)

_encoder = msgspec.json.Encoder()
_sorted_encoder = msgspec.json.Encoder(order="sorted")
_decoders: dict[type[Wire], msgspec.json.Decoder[Wire]] = {}


class BadValue(ValueError):
    """A value in etcd that is not what its key says; the message names the path into it."""


def encode(value: Wire) -> bytes:
    return _encoder.encode(value)


def decode(raw: bytes, kind: type[T]) -> T:
    """BadValue when the bytes are not JSON of that shape."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)  # type: ignore[assignment]
    try:
        return decoder.decode(raw)  # type: ignore[return-value]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadValue(f"not a valid {kind.__name__}: {error}") from error


def spec_hash(spec: TaskSpec) -> str:
    """16 hex digits that change when, and only when, the spec does. Hash a normalised spec: `1Gi` is not `1024Mi` here."""
    return hashlib.sha256(_sorted_encoder.encode(spec)).hexdigest()[:16]
