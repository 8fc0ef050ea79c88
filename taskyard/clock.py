"""The two readings of time that anything here may take, and how a moment is written down.

Pure code is handed `now`; a loop is handed a `Clock`. Only `SystemClock` reads the machine's own.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux alone has it; elsewhere only clients run."""


class Clock(Protocol):
    """Wall time says when something happened; monotonic time says how long ago."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clocks. Time that it sleeps through counts as well: a lease runs on meanwhile."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.clock_gettime(_BOOTTIME)


class ManualClock:
    """Virtual time: it stands still until it is told to advance."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds

    def advance_to(self, moment: float) -> float:
        """On the monotonic clock; nothing when that is over. What that clock says then, which may be a hair less."""
        seconds = moment - self._monotonic
        if seconds > 0:
            self._now += seconds
            self._monotonic += seconds
        return self._monotonic


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-22T20:57:48.123Z`."""
    whole = math.floor(seconds)
    micros = round((seconds - whole) * 1_000_000)
    if micros == 1_000_000:
        whole, micros = whole + 1, 0
    return f"{_to_the_second(whole)}.{micros // 1000:03d}Z"


@lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    """Most moments that are written down are of the same few seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_timestamp(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 moment; ValueError when it is not one."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it in UTC, with a Z at the end")
    return moment.timestamp()
