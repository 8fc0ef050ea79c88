"""The elector's thread lives through a failure that is not the store's."""

from __future__ import annotations

import threading

from taskyard.clock import SystemClock
from taskyard.store.api import Listing
from taskyard.store.elector import Elector
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.patience import comes_true


class _OddStore(FaultyStore):
    odd = True

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        if self.odd:
            self.odd = False
            raise ValueError("nobody foresaw this")
        return super().list(prefix, revision=revision)


def test_it_campaigns_again() -> None:
    clock, stop = SystemClock(), threading.Event()
    elector = Elector(_OddStore(MemoryStore(clock)), clock, "scheduler", "one", ttl=5)
    thread = threading.Thread(target=elector.run, args=(stop,), daemon=True)
    thread.start()
    try:
        assert comes_true(lambda: elector.leadership is not None)
    finally:
        stop.set()
        thread.join(10)
