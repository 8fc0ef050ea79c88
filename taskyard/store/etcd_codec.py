"""Our types to etcd's messages and back. Pure: no connection, no time; called by EtcdStore and its watches.

Keys may hold any bytes, since anyone may put one with etcdctl: what is not UTF-8 survives as surrogate escapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from etcd3.etcdrpc import rpc_pb2
from google.protobuf.unknown_fields import UnknownFieldSet

from taskyard.store.api import Commit, Compare, Delete, Entry, KeyEvent, Operation

_MOD = rpc_pb2.Compare.MOD
_CREATE = rpc_pb2.Compare.CREATE
_DELETED = 1  # mvccpb.Event.DELETE
_SIZE_IN_USE = 9  # etcdserverpb.StatusResponse.dbSizeInUse, of etcd 3.4: the library's messages are older


def encode(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def decode(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def bounds(prefix: str) -> tuple[bytes, bytes]:
    """First key and the one after the last, of all keys that start with `prefix` (etcd: \\0 and \\0 mean every key)."""
    start = encode(prefix)
    stem = start.rstrip(b"\xff")
    if not stem:
        return start or b"\0", b"\0"
    return start, stem[:-1] + bytes([stem[-1] + 1])


def entry(kv: Any) -> Entry:
    created, modified = kv.create_revision, kv.mod_revision
    # Most keys were written once: one number for both, not two that are equal.
    return Entry(decode(kv.key), kv.value, created, created if modified == created else modified, kv.version, kv.lease)


def transaction(compares: Sequence[Compare], operations: Iterable[Operation]) -> Any:
    """A TxnRequest. When it fails it reads the compared keys, each once, so that the caller sees what changed.

    Its parts are made in their places: to make them first and hand them over copies each, for more than twice the time.
    """
    request = rpc_pb2.TxnRequest()
    check, carry_out, read = request.compare.add, request.success.add, request.failure.add
    raw = {compare.key: encode(compare.key) for compare in compares}
    for compare in compares:
        if compare.target == "mod":
            check(target=_MOD, key=raw[compare.key], mod_revision=compare.revision)
        else:
            check(target=_CREATE, key=raw[compare.key], create_revision=compare.revision)
    for operation in operations:
        if isinstance(operation, Delete):
            carry_out().request_delete_range.key = encode(operation.key)
            continue
        put = carry_out().request_put
        put.key, put.value, put.lease = encode(operation.key), operation.value, operation.lease
    for key in raw.values():
        read().request_range.key = key
    return request


def outcome(response: Any, compares: Sequence[Compare]) -> Commit:
    """The Commit of a TxnResponse to `transaction(compares, ...)`."""
    if response.succeeded:
        return Commit(True, response.header.revision, {})
    current: dict[str, Entry | None] = dict.fromkeys(compare.key for compare in compares)
    for answer in response.responses:
        for kv in answer.response_range.kvs:
            found = entry(kv)
            current[found.key] = found
    return Commit(False, response.header.revision, current)


def events(messages: Iterable[Any], first_revision: int) -> tuple[KeyEvent, ...]:
    """Those at or after `first_revision`: etcd may send some again after a resume."""
    return tuple(_event(message) for message in messages if message.kv.mod_revision >= first_revision)


def size_in_use(status: Any) -> int:
    """Bytes of the database that hold data; all of it with an etcd that does not tell."""
    unknown: Any = UnknownFieldSet(status)
    return int(next((each.data for each in unknown if each.field_number == _SIZE_IN_USE), status.dbSize))


def _event(message: Any) -> KeyEvent:
    kv = message.kv
    if message.type == _DELETED:
        return KeyEvent(decode(kv.key), None, kv.mod_revision)
    found = entry(kv)
    return KeyEvent(found.key, found, found.mod_revision)
