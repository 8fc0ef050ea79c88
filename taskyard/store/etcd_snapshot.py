"""A snapshot of etcd's database, as `etcdctl snapshot save` takes one and `etcdctl snapshot restore` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import grpc
from etcd3.etcdrpc import rpc_pb2

from taskyard.store import etcd_errors
from taskyard.store.api import StoreUnavailable
from taskyard.store.etcd_channel import Endpoints, Link

_FIRST_ANSWER = 10.0
_WHOLE = 3600.0
"""Seconds; of a database of many GiB."""


def snapshot(endpoints: Sequence[str], at_least: int) -> Iterator[bytes]:
    """The database piece by piece, and at its end the SHA-256 of all before; of the first member that has a leader and
    all up to revision `at_least`. Raises StoreUnavailable, also in between: what came so far is no snapshot then."""
    known = Endpoints(endpoints, _FIRST_ANSWER)
    refusals = []
    try:
        for endpoint in endpoints:
            link = known.dial(endpoint)
            try:
                # A member that is cut off answers, too, from what it had then.
                refusal = _refusal(link, at_least)
                if not refusal:
                    yield from _pieces(link)
                    return
                refusals.append(refusal)
            finally:
                link.channel.close()
    finally:
        known.close()
    raise StoreUnavailable(f"no member of etcd gives a snapshot: {'; '.join(refusals)}")


def _refusal(link: Link, at_least: int) -> str:
    """Why this member is not asked; empty when it may be."""
    try:
        told = link.maintenance.Status(rpc_pb2.StatusRequest(), timeout=_FIRST_ANSWER)
    except grpc.RpcError as error:
        return f"{link.endpoint}: {etcd_errors.describe(error)}"
    if not told.leader:
        return f"{link.endpoint} has no leader"
    if told.header.revision < at_least:
        return f"{link.endpoint} is behind, at revision {told.header.revision}"
    return ""


def _pieces(link: Link) -> Iterator[bytes]:
    try:
        for answer in link.maintenance.Snapshot(rpc_pb2.SnapshotRequest(), timeout=_WHOLE):
            yield answer.blob
    except grpc.RpcError as error:
        raise StoreUnavailable(f"snapshot of etcd at {link.endpoint}: {etcd_errors.describe(error)}") from error
