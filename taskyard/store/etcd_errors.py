"""What a gRPC error from etcd means to us. Nothing here connects or retries; etcd_channel asks before it decides that.

The texts are etcd's own (etcd 3.4 to 3.6, `api/v3rpc/rpctypes/error.go`): several different faults share one gRPC code.
"""

from __future__ import annotations

from enum import Enum, auto

import grpc

from taskyard.store.api import LeaseExpired, RequestRefused, StoreError, StoreFull


class Fault(Enum):
    """How far a request came that was not answered well."""

    NOT_APPLIED = auto()
    """It never left, or etcd said that it did not begin: even a write may be sent again."""
    UNKNOWN = auto()
    """It may or may not have been carried out."""
    COMPACTED = auto()
    """It named a revision that is gone."""
    REFUSED = auto()
    """etcd decided, and would decide the same again; `refusal` says what."""


_NEVER_SENT = (
    "failed to connect to all addresses",  # gRPC core, when no connection was ever there for the call
    "DNS resolution failed",
    "no leader",  # etcd answers so before it looks at a request that requires a leader
    "too many requests",
)
_FULL = "database space exceeded"
_LEASE_GONE = "requested lease not found"
_COMPACTED = "required revision has been compacted"
_DECIDED = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


def fault(error: grpc.RpcError) -> Fault:
    text = details(error)
    if any(mark in text for mark in _NEVER_SENT):
        return Fault.NOT_APPLIED
    if _COMPACTED in text:
        return Fault.COMPACTED
    return Fault.REFUSED if code(error) in _DECIDED else Fault.UNKNOWN


def refusal(error: grpc.RpcError, what: str) -> StoreError:
    """The error to raise for `Fault.REFUSED`."""
    if _LEASE_GONE in details(error):
        return LeaseExpired(f"{what}: the lease is not there any more, and neither are its keys; grant a new one")
    if _FULL in details(error):
        return StoreFull(
            f"{what}: etcd has reached its quota (--quota-backend-bytes) and takes no writes: compact it, `etcdctl"
            " defrag` each member, or raise the quota, and then `etcdctl alarm disarm`"
        )
    return RequestRefused(f"{what}: etcd refused it: {describe(error)}")


def code(error: Exception) -> grpc.StatusCode:
    return error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN


def details(error: Exception) -> str:
    return (error.details() or "") if isinstance(error, grpc.Call) else str(error)


def describe(error: grpc.RpcError) -> str:
    """One line for a person: `UNAVAILABLE: Socket closed`. Of gRPC's chain of what could not be connected, the end."""
    chain, cause = details(error), ""
    if chain.startswith(_NEVER_SENT[0]):
        cause = chain.rpartition("Failed to connect to remote host: ")[2]
    return f"{code(error).name}: {cause or chain}"
