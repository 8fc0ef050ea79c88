"""A snapshot of etcd's database, as `etcdctl snapshot save` takes one and `etcdctl snapshot restore` reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import grpc
from etcd3.etcdrpc import rpc_pb2

from taskyard.store import etcd_errors
from taskyard.store.api import StoreUnavailable
from taskyard.store.etcd_channel import Endpoints

_FIRST_ANSWER = 10.0
_WHOLE = 3600.0
"""Seconds; of a database of many GiB."""


def snapshot(endpoints: Sequence[str]) -> Iterator[bytes]:
    """The database piece by piece, and at its end the SHA-256 of all before. Raises StoreUnavailable, also in between:
    what came so far is no snapshot then."""
    known = Endpoints(endpoints, _FIRST_ANSWER)
    link = known.dial(known.current)
    try:
        # One that cannot be reached is to be told at once, and not after an hour.
        link.maintenance.Status(rpc_pb2.StatusRequest(), timeout=_FIRST_ANSWER)
        for answer in link.maintenance.Snapshot(rpc_pb2.SnapshotRequest(), timeout=_WHOLE):
            yield answer.blob
    except grpc.RpcError as error:
        raise StoreUnavailable(f"snapshot of etcd at {link.endpoint}: {etcd_errors.describe(error)}") from error
    finally:
        with contextlib.suppress(Exception):
            link.channel.close()
        known.close()
