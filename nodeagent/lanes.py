"""Where actions run: bounded pools, one for each kind of work, so that none waits behind another kind that is slow.

A simulation uses InlineLanes, which run everything at once in the caller; decisions do not know the difference.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Protocol

log = logging.getLogger(__name__)


class Lane(StrEnum):
    START = "start"
    STOP = "stop"
    LOOK = "look"
    PULL = "pull"
    STORE = "store"
    CHECK = "check"
    SCRAPE = "scrape"


WIDTH = {Lane.START: 8, Lane.STOP: 8, Lane.LOOK: 2, Lane.STORE: 3, Lane.CHECK: 8, Lane.SCRAPE: 4}
"""How many run at once. `python -m bench burst` tells how many starts at once docker-py is best with: 4 or 8. Of
removals, 50 at once have wedged Docker."""


class Lanes(Protocol):
    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        """Runs `work` soon; it handles its own errors."""
        ...

    def shut_down(self) -> None:
        """What has begun ends; what waits is dropped."""
        ...


class InlineLanes:
    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        del lane
        work()

    def shut_down(self) -> None:
        pass


class ThreadLanes:
    """Threads start with the first work. `pulls`: how many images are fetched at once at most."""

    def __init__(self, pulls: int) -> None:
        # Twice as many: one that was given up takes a while to end, and must not be in the way of the next.
        widths = {**WIDTH, Lane.PULL: 2 * pulls}
        self._pools = {
            lane: ThreadPoolExecutor(width, thread_name_prefix=f"agent-{lane.value}") for lane, width in widths.items()
        }

    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        try:
            self._pools[lane].submit(work)
        except RuntimeError:
            log.debug("not taken, the agent is shutting down")

    def shut_down(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
