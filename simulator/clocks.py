"""The clocks of one machine: its time of day may be wrong, and may jump; the time that passes is everybody's."""

from __future__ import annotations

from taskyard.clock import Clock


class MachineClock:
    """Implements Clock."""

    def __init__(self, true: Clock) -> None:
        self._true = true
        self.monotonic = true.monotonic
        self.ahead = 0.0
        """Seconds that its time of day is before the true one."""
        self.jumped_at = float("-inf")
        """The last time that its time of day was set, on the monotonic clock."""

    def now(self) -> float:
        return self._true.now() + self.ahead

    def set_ahead(self, seconds: float) -> None:
        """Of the true time of day; negative: behind it."""
        if seconds == self.ahead:
            return
        self.ahead = seconds
        self.jumped_at = self._true.monotonic()
