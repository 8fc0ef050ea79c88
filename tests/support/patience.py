"""Waiting for what other threads do: for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable


def comes_true(condition: Callable[[], bool], *, within: float = 10.0) -> bool:
    """False when it did not within that many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.005)
    return True
