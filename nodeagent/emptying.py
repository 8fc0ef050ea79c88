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

LOOK_WHETHER_EMPTY = 0.5
"""Seconds."""


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
        self._began: float | None = None
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
        while self.look(to_leave()) and not self._stops.now.wait(LOOK_WHETHER_EMPTY):
            pass
        self.progress = DrainProgress(left=self.progress.left if self.progress else {}, over=True)
        if self.progress.left:
            log.warning("node %s is not empty: %s", self._node, ", ".join(self.progress.left))
        else:
            log.info("node %s is empty", self._node)

    def look(self, left: Mapping[str, str]) -> bool:
        """Whether to wait on; the time that it may take begins with the first look."""
        now = self._clock.monotonic()
        self._began = now if self._began is None else self._began
        self.progress = DrainProgress(left=dict(left))
        return bool(left) and now < self._began + self._limit
