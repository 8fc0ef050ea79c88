"""Leases on etcd: grant, keep alive, revoke, each one call that may be repeated. LeaseKeeper decides when.

A grant whose answer was lost leaves a lease behind that nobody renews: it ends by itself.
"""

from __future__ import annotations

import math

from etcd3.etcdrpc import rpc_pb2

from taskyard.store.api import LeaseExpired, StoreUnavailable
from taskyard.store.etcd_channel import REQUIRE_LEADER, Endpoints, Link


def grant(endpoints: Endpoints, ttl: float) -> int:
    """etcd rounds a TTL below its own least (2 s by default) up; `keep_alive` tells what it granted."""
    request = rpc_pb2.LeaseGrantRequest(TTL=max(math.ceil(ttl), 1))

    def send(link: Link, timeout: float) -> int:
        return int(link.lease.LeaseGrant(request, timeout=timeout, metadata=REQUIRE_LEADER).ID)

    return endpoints.call("lease grant", send, repeatable=True)


def keep_alive(endpoints: Endpoints, lease: int) -> float:
    """Seconds granted. Count them from the call, even where a second endpoint answered: that is the safe side."""
    request = rpc_pb2.LeaseKeepAliveRequest(ID=lease)

    def send(link: Link, timeout: float) -> int:
        # etcd has keep-alives only as a stream. One stream for each call costs about a millisecond, and leaves no
        # state behind that could outlive its connection.
        answers = link.lease.LeaseKeepAlive(iter((request,)), timeout=timeout, metadata=REQUIRE_LEADER)
        for answer in answers:
            answers.cancel()
            return int(answer.TTL)
        raise StoreUnavailable(f"lease keep-alive: etcd at {link.endpoint} ended the stream without an answer")

    granted = endpoints.call("lease keep-alive", send, repeatable=True)
    if granted <= 0:
        raise LeaseExpired(f"lease {lease:x} is not there any more, and neither are its keys; grant a new one")
    return float(granted)


def revoke(endpoints: Endpoints, lease: int) -> None:
    request = rpc_pb2.LeaseRevokeRequest(ID=lease)

    def send(link: Link, timeout: float) -> None:
        link.lease.LeaseRevoke(request, timeout=timeout, metadata=REQUIRE_LEADER)

    try:
        endpoints.call("lease revoke", send, repeatable=True)
    except LeaseExpired:
        return
