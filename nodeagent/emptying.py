"""How an agent is asked to end, and the drain that may come before: how far it has come, for whoever asks.

Driven by app.py on its main thread, asked by signals and by the API.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taskyard.clock import Clock
from taskyard.local_agent import DrainProgress

log = logging.getLogger(__name__)

_LOOK_WHETHER_EMPTY = 0.5


@dataclass(frozen=True, slots=True)
class Stops:
    """Set from outside. `end`: the agent ends, and its containers go on; set for a second time it does not wait.
    `drain`, set before that: it has its tasks moved first."""

    end: threading.Event = field(default_factory=threading.Event)
    drain: threading.Event = field(default_factory=threading.Event)
    now: threading.Event = field(default_factory=threading.Event)

    def ask(self, *, drain: bool) -> None:
        if self.end.is_set():
            self.now.set()
        elif drain:
            self.drain.set()
        self.end.set()


class Emptying:
    """Thread-safe. `limit`: seconds that it may take."""

    def __init__(self, node: str, stops: Stops, clock: Clock, limit: float) -> None:
        self._node = node
        self._stops = stops
        self._clock = clock
        self._limit = limit
        self.progress: DrainProgress | None = None
        """None: it has not begun."""

    def ask(self, limit: float | None = None) -> bool:
        """Also while it goes on: then only the limit may become another. False when the agent ends without a drain."""
        if limit is not None:
            self._limit = limit
        if not self._stops.end.is_set():
            self._stops.ask(drain=True)
        return self._stops.drain.is_set()

    def run(self, to_leave: Callable[[], Mapping[str, str]]) -> None:
        """Until no task is left that is to leave, the time for that is over, or nobody wants to wait any more."""
        log.info("node %s is drained before this agent ends, within %g s", self._node, self._limit)
        began, left = self._clock.monotonic(), dict(to_leave())
        while left and self._clock.monotonic() < began + self._limit:
            self.progress = DrainProgress(left=left)
            if self._stops.now.wait(_LOOK_WHETHER_EMPTY):
                break
            left = dict(to_leave())
        if left:
            log.warning("node %s is not empty: %s", self._node, ", ".join(left))
        else:
            log.info("node %s is empty", self._node)
        self.progress = DrainProgress(left=left, over=True)
