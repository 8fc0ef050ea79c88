"""Electors on threads of their own: a follower that waits hears of the leader's end at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from taskyard.clock import SystemClock
from taskyard.store.elector import Elector
from taskyard.store.memory import MemoryStore
from tests.support.patience import comes_true


class _Threads:
    """Two electors, each on a thread of its own, in real time; lease and term are far longer than the test."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.memory = MemoryStore(clock)
        self.electors = [Elector(self.memory, clock, "scheduler", name, ttl=60) for name in ("one", "two")]
        self._stops = [threading.Event() for _ in self.electors]
        self._threads = [
            threading.Thread(target=elector.run, args=(stop,))
            for elector, stop in zip(self.electors, self._stops, strict=True)
        ]

    def start(self, index: int) -> None:
        self._threads[index].start()

    def stop(self, index: int) -> None:
        self._stops[index].set()
        if self._threads[index].ident is not None:
            self._threads[index].join(10)
        assert not self._threads[index].is_alive()


@pytest.fixture
def threads() -> Iterator[_Threads]:
    threads = _Threads()
    yield threads
    for index in range(2):
        threads.stop(index)


def test_a_waiting_follower_takes_over_the_moment_the_leader_goes(threads: _Threads) -> None:
    one, two = threads.electors
    threads.start(0)
    assert comes_true(lambda: one.leadership is not None)
    threads.start(1)
    assert comes_true(lambda: two.leader == "one")
    threads.memory.compact(threads.memory.list("").revision)
    threads.stop(0)
    assert comes_true(lambda: two.leadership is not None, within=10), "its next regular look is 20 s away"
    assert not one.leadership
    threads.stop(1)
    assert threads.memory.get(one.key) is None, "it resigned"
