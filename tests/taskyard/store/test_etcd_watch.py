"""What a watch over etcd lives through: every change comes once, whatever happens to the connection meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from taskyard.store import etcd_codec
from taskyard.store.api import Compacted, HistoryLost, KeyEvent, Put, Store, Watch
from taskyard.store.etcd import EtcdStore
from taskyard.store.etcd_stream import orders_progress
from tests.support.etcd_server import EtcdServer, etcd_cluster
from tests.support.relay import Relay
from tests.taskyard.store.etcd_writer import Writer
from tests.taskyard.store.waiting import eventually, read_until

pytestmark = pytest.mark.etcd


def put(store: Store, key: str) -> int:
    return store.commit([], [Put(key, b"")]).revision


def check(events: list[KeyEvent], store: Store) -> None:
    """Each key of the writer came once, at its revision, in order."""
    expected = sorted((entry.mod_revision, entry.key) for entry in store.list("/w/").entries)
    assert [(event.revision, event.key) for event in events if event.key.startswith("/w/")] == expected


def follow(store: Store, watch: Watch, fault: Callable[[Writer], None]) -> None:
    """Lets a writer and the watch go through the fault, and checks that nothing was lost or told twice."""
    with Writer(store) as writer:
        events = read_until(watch, "/w/00020")
        fault(writer)
        before = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > before + 20, 30.0)
    put(store, "/end")
    events += read_until(watch, "/end")
    check(events, store)


def test_etcd_is_killed_and_restarted(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=2.0)
    watch = store.watch("/", start_revision=store.list("/").revision + 1)
    follow(store, watch, lambda _: etcd_server.restart())
    store.close()


def test_etcd_is_away_for_longer_than_a_call_lasts(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=0.5)
    watch = store.watch("/", start_revision=store.list("/").revision + 1)

    def fault(writer: Writer) -> None:
        etcd_server.kill()
        eventually(lambda: writer.refusals >= 4)
        etcd_server.start()
        etcd_server.wait_healthy()

    follow(store, watch, fault)
    store.close()


def test_the_connection_breaks_again_and_again(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        watching = EtcdStore([relay.endpoint])
        watch = watching.watch("/", start_revision=store.list("/").revision + 1)

        events: list[KeyEvent] = []
        with Writer(store) as writer:
            for _ in range(8):
                events += read_until(watch, f"/w/{len(writer.acknowledged) + 5:05d}")
                relay.cut()
                relay.join()
        put(store, "/end")
        events += read_until(watch, "/end")
        check(events, store)
        watching.close()
    store.close()


def test_a_frozen_member_is_left_for_another_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    with etcd_cluster(tmp_path_factory.mktemp("cluster")) as members:
        endpoints = [member.endpoint for member in members]
        store = EtcdStore(endpoints, timeout=3.0, watch_silence=2.0)
        watch = store.watch("/", start_revision=store.list("/").revision + 1)
        put(store, "/before")
        read_until(watch, "/before")
        frozen = next(member for member in members if member.endpoint == store.status().endpoint)
        frozen.pause()
        others = EtcdStore([endpoint for endpoint in endpoints if endpoint != frozen.endpoint])
        eventually(lambda: put(others, "/after") > 0)
        assert [event.key for event in read_until(watch, "/after")] == ["/after"]
        frozen.resume()
        store.close()
        others.close()


def test_a_frozen_etcd_is_watched_again_when_it_wakes(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=1.0, watch_silence=1.0)
    watch = store.watch("/", start_revision=store.list("/").revision + 1)
    put(store, "/before")
    read_until(watch, "/before")
    etcd_server.pause()
    assert watch.poll(3.0) is None
    etcd_server.resume()
    eventually(lambda: put(store, "/after") > 0)
    assert [event.key for event in read_until(watch, "/after")] == ["/after"]
    store.close()


def test_a_connection_that_died_without_a_word_is_noticed(etcd: EtcdServer) -> None:
    """As behind a firewall that forgot it: nothing is closed, nothing comes."""
    store = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        watching = EtcdStore([relay.endpoint], watch_silence=1.0)
        watch = watching.watch("/", start_revision=store.list("/").revision + 1)
        put(store, "/before")
        read_until(watch, "/before")
        relay.abandon()
        put(store, "/after")
        assert [event.key for event in read_until(watch, "/after", timeout=6.0)] == ["/after"]
        watching.close()
    store.close()


def test_a_quiet_watch_keeps_its_connection(etcd: EtcdServer) -> None:
    """etcd says nothing for 10 minutes when there is nothing to say: that silence must not look like a fault."""
    store = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        watching = EtcdStore([relay.endpoint], watch_silence=0.8)
        watch = watching.watch("/", start_revision=store.list("/").revision + 1)
        watch.poll(0.5)
        assert relay.accepted == 1
        assert watch.poll(3.0) is None
        assert relay.accepted == 1
        watching.close()
    store.close()


def test_history_compacted_while_it_was_away(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    with Relay(etcd.endpoint) as relay:
        watching = EtcdStore([relay.endpoint])
        watch = watching.watch("/", start_revision=store.list("/").revision + 1)
        put(store, "/before")
        read_until(watch, "/before")
        relay.cut()
        revision = [put(store, "/missed") for _ in range(5)][-1]
        store.compact(revision)
        relay.join()
        with pytest.raises(Compacted) as gone:
            read_until(watch, "/missed")
        assert gone.value.revision == revision
        watching.close()
    store.close()


def test_an_etcd_that_lost_its_data_ends_the_watch(etcd_server: EtcdServer) -> None:
    store = EtcdStore([etcd_server.endpoint], timeout=1.0, watch_silence=1.0)
    watch = store.watch("/", start_revision=store.list("/").revision + 1)
    for _ in range(5):
        put(store, "/before")
    read_until(watch, "/before")
    etcd_server.kill()
    etcd_server.forget()
    etcd_server.start()
    with pytest.raises(HistoryLost) as gone:
        read_until(watch, "/never")
    assert gone.value.revision == store.list("/").revision == 1
    store.close()


def test_an_etcd_restored_to_another_history_ends_the_watch(etcd_server: EtcdServer, tmp_path: Path) -> None:
    """Though it is past the revision at which the watch would resume."""
    store = EtcdStore([etcd_server.endpoint], timeout=1.0)
    for _ in range(20):
        put(store, "/long")
    etcd_server.stop()
    etcd_server.save(tmp_path / "backup")
    etcd_server.forget()
    etcd_server.start()
    etcd_server.wait_healthy()
    watch = store.watch("/", start_revision=store.list("/").revision + 1)
    for _ in range(5):
        put(store, "/short")
    read_until(watch, "/short")
    etcd_server.kill()
    etcd_server.load(tmp_path / "backup")
    etcd_server.start()
    with pytest.raises(HistoryLost) as gone:
        read_until(watch, "/never")
    assert gone.value.revision == store.list("/").revision > 20
    store.close()


def test_a_reader_that_pauses_holds_etcd_back_and_misses_nothing(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    start = put(store, "/start")
    watch = store.watch("/", start_revision=start)
    read_until(watch, "/start")
    rounds, keys = 250, [f"/many/{number:03d}" for number in range(128)]
    for _ in range(rounds):
        store.commit([], [Put(key, b"x" * 100) for key in keys])
    put(store, "/end")
    events = read_until(watch, "/end")
    assert [(event.revision, event.key) for event in events[:-1]] == [
        (start + 1 + index, key) for index in range(rounds) for key in keys
    ]
    store.close()


def test_nothing_runs_before_the_first_poll_nor_after_close(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    start = put(store, "/here") + 1
    before = set(threading.enumerate())
    watch = store.watch("/here/", start_revision=start)
    assert set(threading.enumerate()) == before
    watch.poll(0.2)
    assert any(thread.name == "etcd-watch /here/" for thread in threading.enumerate())
    watch.close()
    eventually(lambda: not any(thread.name == "etcd-watch /here/" for thread in threading.enumerate()))
    store.close()


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("3.4.23", False, id="debian-12"),
        pytest.param("3.4.31", True, id="fixed-in-3.4"),
        pytest.param("3.5.0", False, id="first-3.5"),
        pytest.param("3.5.13", True, id="fixed-in-3.5"),
        pytest.param("3.6.1", True, id="later"),
        pytest.param("3.6.0-rc.1", True, id="candidate"),
        pytest.param("", False, id="none"),
    ],
)
def test_which_versions_say_progress_in_order(version: str, expected: bool) -> None:
    assert orders_progress(version) is expected


def test_a_watch_from_revision_zero_is_refused(etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    with pytest.raises(ValueError, match="list"):
        store.watch("/", start_revision=0)
    store.close()


def test_an_answer_that_cannot_be_read_breaks_the_connection_and_not_the_watch(
    etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EtcdStore([etcd.endpoint])
    watch = store.watch("/", start_revision=store.list("/").revision + 1)
    put(store, "/before")
    read_until(watch, "/before")
    read, odd = etcd_codec.events, [ValueError("nobody foresaw this")]

    def events(messages: Iterable[object], first_revision: int) -> tuple[KeyEvent, ...]:
        if odd:
            raise RuntimeError from odd.pop()
        return read(messages, first_revision)

    monkeypatch.setattr(etcd_codec, "events", events)
    put(store, "/after")
    assert [event.key for event in read_until(watch, "/after", 10.0)] == ["/after"]
    store.close()
