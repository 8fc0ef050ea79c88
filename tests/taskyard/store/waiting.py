"""Waiting for what a real etcd does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

from taskyard.store.api import KeyEvent, StoreUnavailable, Watch


def eventually(condition: Callable[[], bool], timeout: float = 15.0) -> None:
    """Fails when the condition did not come true in time; an unavailable store counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if condition():
                return
        except StoreUnavailable:
            pass
        assert time.monotonic() < deadline, f"did not come true within {timeout:g} s"
        time.sleep(0.02)


def read_until(watch: Watch, key: str, timeout: float = 20.0) -> list[KeyEvent]:
    """All events up to the first one of `key`."""
    deadline = time.monotonic() + timeout
    events: list[KeyEvent] = []
    while not any(event.key == key for event in events):
        batch = watch.poll(max(deadline - time.monotonic(), 0.0))
        events += batch.events if batch else ()
        assert time.monotonic() < deadline, f"{key} did not come within {timeout:g} s, after {len(events)} events"
    return events
