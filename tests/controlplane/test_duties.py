"""The threads of a process end together, in one span of time, whatever one of them or the store does."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from controlplane.duties import end, flush_once_more, threads_of
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.events import EventRecorder
from taskyard.objects import ObjectRef
from taskyard.store.api import Store
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore


def recorders(store: Store, clock: ManualClock, count: int = 5) -> list[EventRecorder]:
    """Each has an event to write."""
    found = [EventRecorder(store, clock, f"c{number}") for number in range(count)]
    for number, recorder in enumerate(found):
        recorder.emit(ObjectRef(kind="Node", name="n1"), "default", "Something", f"happened to {number}")
    return found


def test_threads_that_hang_get_one_span_of_time_together(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    def hang_on(_: threading.Event) -> None:
        release.wait(30)

    def obey(stop: threading.Event) -> None:
        stop.wait(30)

    stop = threading.Event()
    threads = threads_of({"good": obey, **dict.fromkeys(("a", "b", "c", "d"), hang_on)}, stop)
    for thread in threads:
        thread.start()
    stop.set()
    began = time.monotonic()
    try:
        with caplog.at_level(logging.WARNING):
            assert end(threads, 0.5) == ["a", "b", "c", "d"]
        assert time.monotonic() - began < 1.5
        assert caplog.text.count("hang_on (") == 4
    finally:
        release.set()
        assert end(threads, 10) == []


def test_all_events_are_written_at_the_end() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    flush_once_more(recorders(store, clock))
    assert len(store.list(keys.EVENTS).entries) == 5


def test_a_store_that_is_away_is_waited_for_once_at_the_end() -> None:
    clock = ManualClock()
    store = FaultyStore(MemoryStore(clock))
    found = recorders(store, clock)
    store.fail("grant", "unreachable")
    flush_once_more(found)
    assert [recorder.waiting for recorder in found] == [True] * 5
    assert store.list(keys.EVENTS).entries == ()
