"""How our types become etcd's messages and back: what neither the contract nor a fault can show."""

from __future__ import annotations

import pytest
from etcd3.etcdrpc import kv_pb2, rpc_pb2

from taskyard.store import etcd_codec
from taskyard.store.api import Delete, Put, same_life, unchanged_since
from taskyard.store.etcd import EtcdStore
from tests.support.etcd_server import EtcdServer
from tests.taskyard.store.waiting import read_until


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("/a/", (b"/a/", b"/a0"), id="folder"),
        pytest.param("a\udcff", (b"a\xff", b"b"), id="last-byte-is-the-highest"),
        pytest.param("\udcff\udcff", (b"\xff\xff", b"\0"), id="nothing-is-higher"),
        pytest.param("", (b"\0", b"\0"), id="everything"),
    ],
)
def test_bounds(prefix: str, expected: tuple[bytes, bytes]) -> None:
    assert etcd_codec.bounds(prefix) == expected


def test_a_transaction_compares_writes_and_reads_each_compared_key_once() -> None:
    compares = [unchanged_since("/a", 7), same_life("/a", 3), same_life("/b", 0)]
    message = etcd_codec.transaction(compares, [Put("/a", b"1"), Put("/c", b"", lease=5), Delete("/d")])
    assert message == rpc_pb2.TxnRequest(
        compare=[
            rpc_pb2.Compare(target=rpc_pb2.Compare.MOD, key=b"/a", mod_revision=7),
            rpc_pb2.Compare(target=rpc_pb2.Compare.CREATE, key=b"/a", create_revision=3),
            rpc_pb2.Compare(target=rpc_pb2.Compare.CREATE, key=b"/b", create_revision=0),
        ],
        success=[
            rpc_pb2.RequestOp(request_put=rpc_pb2.PutRequest(key=b"/a", value=b"1")),
            rpc_pb2.RequestOp(request_put=rpc_pb2.PutRequest(key=b"/c", value=b"", lease=5)),
            rpc_pb2.RequestOp(request_delete_range=rpc_pb2.DeleteRangeRequest(key=b"/d")),
        ],
        failure=[rpc_pb2.RequestOp(request_range=rpc_pb2.RangeRequest(key=key)) for key in (b"/a", b"/b")],
    )


def test_events_that_were_told_before_are_left_out() -> None:
    """etcd before 3.4.25 and 3.5.8 may send some twice."""
    messages = [
        kv_pb2.Event(kv=kv_pb2.KeyValue(key=b"/a", create_revision=revision, mod_revision=revision))
        for revision in (7, 8, 8, 9)
    ]
    assert [event.revision for event in etcd_codec.events(messages, 8)] == [8, 8, 9]


@pytest.mark.etcd
def test_a_key_of_any_bytes_survives(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    key = etcd_codec.decode(b"/a/\xff\xfe")
    start = store.commit([], [Put(key, b"1"), Put("/end", b"")]).revision
    assert [entry.key for entry in store.list("/a/").entries] == [key]
    assert {event.key for event in read_until(store.watch("/", start_revision=start), "/end")} == {key, "/end"}
    store.commit([], [Delete(key)])
    assert store.get(key) is None
    store.close()
