"""What calls do when etcd is gone, frozen or half there: they end in time, and never guess what became of a write."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from taskyard.store.api import OutcomeUnknown, Put, StoreFull, StoreUnavailable, absent
from taskyard.store.etcd import EtcdStore
from tests.support.etcd_server import EtcdServer, etcd_cluster, free_ports
from tests.support.relay import Relay
from tests.taskyard.store.etcd_writer import Writer
from tests.taskyard.store.waiting import eventually

pytestmark = pytest.mark.etcd

TIMEOUT = 1.5
SLACK = 1.0
"""Seconds above the timeout that a busy machine may take to notice."""


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """Takes connections, as the kernel of a frozen process does, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def refusing_endpoint() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture(params=["refusing", "silent"])
def dead_endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_endpoint"))


@pytest.mark.parametrize("endpoints", [pytest.param([], id="none"), pytest.param(["etcd"], id="no-port")])
def test_endpoints_that_cannot_work_are_refused_at_once(endpoints: list[str]) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:2379"):
        EtcdStore(endpoints)


def test_the_store_connects_when_it_is_first_used(refusing_endpoint: str) -> None:
    store = EtcdStore([refusing_endpoint], timeout=0.5)
    with pytest.raises(StoreUnavailable, match=refusing_endpoint):
        store.connect()


def put_for_ever(store: EtcdStore, value: bytes) -> None:
    """etcd looks at its size only every 100 ms: a fast disk takes many until then."""
    for number in range(1000):
        store.commit([], [Put(f"/large/{number}", value)])


def test_an_etcd_that_has_reached_its_quota_takes_no_writes_and_says_what_to_do(tmp_path: Path) -> None:
    with EtcdServer(tmp_path, flags=["--quota-backend-bytes", str(1 << 20)]) as etcd:
        store = EtcdStore([etcd.endpoint])
        store.commit([], [Put("/kept", b"1")])
        with pytest.raises(StoreFull, match="etcdctl alarm disarm"):
            put_for_ever(store, bytes(100_000))
        with pytest.raises(StoreFull):
            store.commit([absent("/small")], [Put("/small", b"1")])
        with pytest.raises(StoreFull):
            store.grant(10.0)
        assert store.get("/kept") is not None
        assert store.get("/small") is None
        store.close()


def test_status_tells_version_and_size(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    status = store.status()
    assert (status.endpoint, status.has_leader) == (etcd.endpoint, True)
    assert status.version.startswith("3.")
    assert 0 < status.in_use <= status.size
    store.close()


def test_an_endpoint_that_is_not_there_is_passed_over_even_by_a_write(etcd: EtcdServer, dead_endpoint: str) -> None:
    for number in range(6):  # each store begins at an endpoint of its own choice
        store = EtcdStore([dead_endpoint, etcd.endpoint], timeout=TIMEOUT)
        began = time.monotonic()
        assert store.commit([absent(f"/{number}")], [Put(f"/{number}", b"")]).succeeded
        assert store.get(f"/{number}") is not None
        assert time.monotonic() - began < TIMEOUT + SLACK
        store.close()


def test_commits_on_their_way_to_an_endpoint_that_is_not_there_go_to_another(
    etcd: EtcdServer, dead_endpoint: str
) -> None:
    for number in range(4):  # each store begins at an endpoint of its own choice
        store = EtcdStore([dead_endpoint, etcd.endpoint], timeout=TIMEOUT)
        answers = [store.begin_commit([], [Put(f"/{number}-{each}", b"")]) for each in range(3)]
        assert all(answer().succeeded for answer in answers)
        store.close()


def test_a_commit_on_its_way_when_the_store_is_closed_may_have_happened(silent_endpoint: str) -> None:
    store = EtcdStore([silent_endpoint], timeout=TIMEOUT)
    answer = store.begin_commit([], [Put("/a", b"")])
    store.close()
    with pytest.raises(StoreUnavailable):
        answer()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.begin_commit([], [Put("/a", b"")])()


def test_with_no_endpoint_there_a_write_surely_did_not_happen(dead_endpoint: str) -> None:
    store = EtcdStore([dead_endpoint], timeout=TIMEOUT)
    for call in (
        lambda: store.commit([], [Put("/a", b"")]),
        lambda: store.begin_commit([], [Put("/a", b"")])(),
        lambda: store.get("/a"),
        lambda: store.grant(10),
    ):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as error:
            call()
        assert not isinstance(error.value, OutcomeUnknown)
        assert time.monotonic() - began < TIMEOUT + SLACK
    store.close()


def test_calls_to_a_frozen_etcd_end_in_time(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=TIMEOUT)
    lease = store.grant(60)
    store.commit([], [Put("/a", b"before")])
    etcd_server.pause()
    reads = [lambda: store.get("/a"), lambda: store.list("/"), lambda: store.keep_alive(lease), store.status]
    for call in reads:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as error:
            call()
        assert not isinstance(error.value, OutcomeUnknown)
        assert time.monotonic() - began < TIMEOUT + SLACK
    with pytest.raises(OutcomeUnknown, match="read again"):
        store.commit([], [Put("/a", b"after")])
    etcd_server.resume()
    eventually(lambda: store.get("/a") is not None)
    assert store.keep_alive(lease) == 60.0
    store.close()


def test_a_write_whose_answer_is_lost_is_unknown_though_it_happened(etcd: EtcdServer) -> None:
    direct = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        store = EtcdStore([relay.endpoint], timeout=TIMEOUT)
        store.connect()
        relay.mute()
        with pytest.raises(OutcomeUnknown):
            store.commit([absent("/a")], [Put("/a", b"")])
        assert direct.get("/a") is not None
        store.close()
    direct.close()


def test_a_write_whose_connection_breaks_is_unknown_and_not_sent_twice(etcd: EtcdServer) -> None:
    direct = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        store = EtcdStore([relay.endpoint], timeout=10.0)
        store.connect()
        relay.mute()

        def cut_when_written() -> None:
            eventually(lambda: direct.get("/a") is not None)
            relay.cut()

        cutter = threading.Thread(target=cut_when_written)
        cutter.start()
        with pytest.raises(OutcomeUnknown):
            store.commit([], [Put("/a", b"")])
        cutter.join()
        entry = direct.get("/a")
        assert entry is not None
        assert entry.version == 1
        relay.join()
        assert store.get("/a") == entry
        store.close()
    direct.close()


def test_a_lost_answer_does_not_fail_what_may_be_repeated(etcd: EtcdServer) -> None:
    with Relay(etcd.endpoint) as relay:
        store = EtcdStore([relay.endpoint, etcd.endpoint], timeout=TIMEOUT)
        lease = store.grant(60)
        store.commit([], [Put("/a", b"")])
        relay.mute()
        assert store.get("/a") is not None
        assert store.keep_alive(lease) == 60.0
        store.revoke(lease)
        store.close()


def test_close_ends_a_call_of_another_thread(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=60.0)
    store.connect()
    etcd_server.pause()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            store.get("/a")
        except StoreUnavailable as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    store.close()
    thread.join(10.0)
    assert not thread.is_alive()
    assert len(errors) == 1
    with pytest.raises(StoreUnavailable, match="closed"):
        store.commit([], [Put("/a", b"")])
    etcd_server.resume()


def test_a_restart_of_etcd_is_lived_through(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=TIMEOUT)
    lease = store.grant(60)
    with Writer(store) as writer:
        eventually(lambda: len(writer.acknowledged) > 20)
        etcd_server.kill()
        etcd_server.start()
        before = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > before + 20)
    found = {entry.key: entry.mod_revision for entry in store.list("/w/").entries}
    assert {key: found.get(key) for key in writer.acknowledged} == writer.acknowledged
    assert set(found) - set(writer.acknowledged) <= set(writer.unknown)
    assert store.keep_alive(lease) == 60.0
    store.close()


def test_the_death_of_a_member_is_lived_through(tmp_path_factory: pytest.TempPathFactory) -> None:
    with etcd_cluster(tmp_path_factory.mktemp("cluster")) as members:
        store = EtcdStore([member.endpoint for member in members], timeout=5.0)
        with Writer(store) as writer:
            for _ in range(2):
                eventually(lambda: len(writer.acknowledged) > 20)
                in_use = next(member for member in members if member.endpoint == store.status().endpoint)
                in_use.kill()
                enough = len(writer.acknowledged) + 20
                eventually(partial(lambda count: len(writer.acknowledged) > count, enough), 30.0)
                in_use.start()
                in_use.wait_healthy()
        found = {entry.key: entry.mod_revision for entry in store.list("/w/").entries}
        assert {key: found.get(key) for key in writer.acknowledged} == writer.acknowledged
        assert set(found) - set(writer.acknowledged) <= set(writer.unknown)
        assert len(writer.unknown) <= 4
        store.close()


def test_a_member_without_the_others_says_so_and_takes_no_write(tmp_path_factory: pytest.TempPathFactory) -> None:
    with etcd_cluster(tmp_path_factory.mktemp("cluster")) as members:
        alone, *others = members
        store = EtcdStore([alone.endpoint], timeout=TIMEOUT)
        for other in others:
            other.pause()
        eventually(lambda: not store.status().has_leader)
        with pytest.raises(StoreUnavailable, match="no leader"):
            store.get("/a")
        with pytest.raises(StoreUnavailable, match="no leader") as error:
            store.commit([], [Put("/a", b"")])
        assert not isinstance(error.value, OutcomeUnknown)
        for other in others:
            other.resume()
        eventually(lambda: store.get("/a") is None)
        store.close()
