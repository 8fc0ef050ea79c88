"""What gRPC says, in words for a person."""

from __future__ import annotations

import grpc
import pytest

from taskyard.store.etcd_errors import Fault, describe, fault


def test_of_what_cannot_be_connected_the_cause_is_told() -> None:
    """And not gRPC's chain of it, which is twice as long and says less."""
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/x/y")(b"", timeout=20)
    assert describe(raised.value) == "UNAVAILABLE: Connection refused"
    assert fault(raised.value) is Fault.NOT_APPLIED
