"""Objects to and from etcd values: compact JSON that a person can read."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TypeVar

import msgspec

from taskyard.objects.base import Wire

T = TypeVar("T", bound=Wire)

_encoder = msgspec.json.Encoder()
_sorted_encoder = msgspec.json.Encoder(order="sorted")


class BadValue(ValueError):
    """A value in etcd that is not what its key says; the message names the path into it."""


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def encode(value: Wire) -> bytes:
    return _encoder.encode(value)


def decode(raw: bytes, kind: type[T]) -> T:
    """BadValue when the bytes are not JSON of that shape."""
    try:
        value: T = _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadValue(f"not a valid {kind.__name__}: {error}") from error
    return value


def spec_hash(spec: Wire) -> str:
    """16 hex digits that change when, and only when, the spec does. Normalise first: `1Gi` is not `1024Mi` here."""
    return hashlib.sha256(_sorted_encoder.encode(spec)).hexdigest()[:16]
