"""Whether etcd answers, and since when it does not: what readiness and the staleness of answers rest on.

One cheap read every few seconds, on a thread of its own; a write that fails tells at once.
"""

from __future__ import annotations

import threading

from taskyard import keys
from taskyard.clock import Clock
from taskyard.store.api import Store, StoreError

_EVERY = 3.0


class EtcdContact:
    """`revision` is etcd's at the last contact."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last: float | None = None
        self._failure = "it was not asked yet"
        self.revision = 0

    def probe(self) -> None:
        """One read. Never raises a StoreError."""
        asked = self._clock.monotonic()
        try:
            self.revision = self._store.list(keys.LEADERS).revision
        except StoreError as error:
            self.failed(str(error))
        else:
            self._last, self._failure = asked, ""

    def failed(self, why: str) -> None:
        self._failure = why

    @property
    def failure(self) -> str:
        """Why the last try failed; empty while etcd answers."""
        return self._failure

    def silent_for(self) -> float | None:
        """Seconds since the last answer; None before the first."""
        return None if self._last is None else self._clock.monotonic() - self._last

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.probe()
            stop.wait(_EVERY)
