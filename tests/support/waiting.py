"""Waiting for a condition, with a deadline: what tests of real processes do instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float = 15.0) -> T:
    """The first value that is true; AssertionError when none comes in time."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {condition}"
        time.sleep(0.02)
    return value
