"""What the contract's tests share: the store under test with its time, and how to read a watch with patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from taskyard.store.api import KeyEvent, Store, Watch, WatchBatch

PATIENCE = 15.0
"""Seconds that a test waits for what must come, before it fails."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A store, and how time passes for its leases."""

    store: Store
    pass_time: Callable[[float], None]

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Lets up to `timeout` seconds of the store's time pass; whether the condition came true."""
        step = 0.1
        for _ in range(int(timeout / step)):
            if condition():
                return True
            self.pass_time(step)
        return condition()


def next_batch(watch: Watch, patience: float = PATIENCE) -> WatchBatch:
    """The next batch that has events."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        batch = watch.poll(deadline - time.monotonic())
        if batch is not None and batch.events:
            return batch
    raise AssertionError(f"no event came within {patience:g} s")


def read_events(watch: Watch, count: int) -> list[KeyEvent]:
    """At least `count` events."""
    events: list[KeyEvent] = []
    while len(events) < count:
        events += next_batch(watch).events
    return events
