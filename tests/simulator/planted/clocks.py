"""A clock that is wrong in the way that clocks are wrong."""

from __future__ import annotations

from typing import Any


class TimeOfDay:
    """A clock that counts what passes by the time of day."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.now = clock.now

    def monotonic(self) -> float:
        return float(self._clock.monotonic() + self._clock.ahead)
