"""A condition that costs next to nothing to notify while nobody waits, as nearly always: the cache, the work queues and
the store in memory notify with every change."""

from __future__ import annotations

import threading


class Condition(threading.Condition):
    """As the standard library's, which makes three calls to find that out."""

    def __init__(self, lock: threading.RLock) -> None:
        super().__init__(lock)
        self._waiting = 0
        """How many wait. Under the lock."""

    def wait(self, timeout: float | None = None) -> bool:
        self._waiting += 1
        try:
            return super().wait(timeout)
        finally:
            self._waiting -= 1

    def notify(self, n: int = 1) -> None:
        if self._waiting:
            super().notify(n)

    def notify_all(self) -> None:
        if self._waiting:
            super().notify_all()
