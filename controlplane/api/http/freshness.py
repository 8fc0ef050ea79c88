"""How fresh an answer is: waits until the cache has caught up with a write or with etcd, bounded.

A port, so that a simulation in one thread can pump its informer instead of waiting for another thread to do it.
"""

from __future__ import annotations

from typing import Protocol

from controlplane.api.http.problem import unavailable
from taskyard import keys
from taskyard.store.api import Store
from taskyard.store.informer import Informer

TIMEOUT = 3.0


class Freshness(Protocol):
    def reach(self, revision: int) -> bool:
        """Waits until everything up to `revision` is in the cache; false when that took too long."""
        ...

    def reach_now(self) -> None:
        """Waits until the cache holds what etcd holds now. Raises ApiError (503), StoreUnavailable."""
        ...


class CacheFreshness:
    """For a cache whose informer is pumped by another thread."""

    def __init__(self, store: Store, informer: Informer, *, timeout: float = TIMEOUT) -> None:
        self._store = store
        self._informer = informer
        self._timeout = timeout

    def reach(self, revision: int) -> bool:
        return self._informer.wait_for(revision, self._timeout)

    def reach_now(self) -> None:
        revision = self._store.list(keys.LEADERS).revision
        if not self.reach(revision):
            raise unavailable(
                f"this server has seen revision {self._informer.revision} and etcd is at {revision}: its watch lags",
                "Lagging",
            )
