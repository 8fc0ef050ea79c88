"""LeaseKeeper: holds one lease, renews it in time, and knows until when it is certainly alive.

It neither puts keys under the lease nor decides what losing it means: the agent (liveness) and the elector
(leadership) do, with one keeper each. An agent runs it on a thread of its own, so that nothing else can delay it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from taskyard.clock import Clock
from taskyard.store.api import LeaseExpired, Store, StoreError

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """`ttl` is in seconds; the store rounds it up to whole ones."""

    def __init__(
        self, store: Store, clock: Clock, ttl: float, *, on_lost: Callable[[int], None] = lambda _lease: None
    ) -> None:
        """`on_lost` is called from `step` with the lease that the store says is gone, and its keys with it."""
        self._store = store
        self._clock = clock
        self._ttl = ttl
        self._on_lost = on_lost
        self.lease = 0
        """0 while there is none. It changes after a loss: what was put under the old one has to be put again."""
        self.deadline = -math.inf
        """On the monotonic clock: before it the lease cannot have expired. It counts from the sending of the last
        renewal that was acknowledged; whoever must have stopped by then subtracts a margin of their own."""

    @property
    def held(self) -> bool:
        """Certainly alive now. False does not say that it is gone: the store may only be out of reach."""
        return self._clock.monotonic() < self.deadline

    def renew(self) -> None:
        """Grants or renews, once. Raises StoreUnavailable, and LeaseExpired after telling `on_lost`."""
        sent = self._clock.monotonic()
        if not self.lease:
            self.lease = self._store.grant(self._ttl)
            self.deadline = sent + self._ttl
            return
        try:
            self.deadline = sent + self._store.keep_alive(self.lease)
        except LeaseExpired:
            self._lose()
            raise

    def step(self) -> float:
        """Renews; seconds until it is to be called again. The store's failures only show in that, and in the log."""
        started = self._clock.monotonic()
        try:
            self.renew()
        except LeaseExpired:
            return 0.0
        except StoreError as error:
            _log.warning("lease %x not renewed: %s; certain for another %.1f s", self.lease, error, self._left())
            return self._ttl / 10
        return max(started + self._ttl / 3 - self._clock.monotonic(), 0.0)

    def _left(self) -> float:
        return max(self.deadline - self._clock.monotonic(), 0.0)

    def _lose(self) -> None:
        lost, self.lease, self.deadline = self.lease, 0, -math.inf
        _log.warning("lease %x has expired, and its keys with it", lost)
        self._on_lost(lost)

    def release(self) -> None:
        """Gives it up, and its keys with it. When the store is out of reach it expires by itself."""
        released, self.lease, self.deadline = self.lease, 0, -math.inf
        if not released:
            return
        try:
            self._store.revoke(released)
        except StoreError as error:
            _log.info("lease %x not revoked (%s): it expires by itself", released, error)

    def run(self, stop: threading.Event) -> None:
        """Steps until `stop` is set. The lease stays: a process that is restarted may not want its keys to go."""
        delay = 0.0
        while not stop.wait(delay):
            try:
                delay = self.step()
            except Exception:
                _log.exception("what was to happen after the loss of a lease failed; going on")
                delay = self._ttl / 10
