"""When the folder is to be looked at: some quiet after a change, and every so often without one."""

from __future__ import annotations

import threading

from taskyard.clock import Clock

DEBOUNCE = 0.3
"""Seconds of quiet after a change: editors and `git checkout` write in several steps."""
LONGEST_DEBOUNCE = 3.0
"""Seconds after the first change, however much goes on changing."""


class Timer:
    """Changes may be told from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._scheduled = 0.0
        self._first: float | None = None
        self._last = 0.0

    def changed(self) -> None:
        with self._lock:
            self._last = self._clock.monotonic()
            if self._first is None:
                self._first = self._last
        self._woken.set()

    def wait(self) -> float:
        """Seconds until the next look is due; 0 or less: now."""
        with self._lock:
            due = self._scheduled
            if self._first is not None:
                due = min(due, self._last + DEBOUNCE, self._first + LONGEST_DEBOUNCE)
            return due - self._clock.monotonic()

    def started(self) -> None:
        """A look begins: it will see every change that was told until now."""
        with self._lock:
            self._first = None

    def again_in(self, seconds: float) -> None:
        with self._lock:
            self._scheduled = self._clock.monotonic() + seconds

    def sleep(self, seconds: float) -> None:
        """For `run`: waits for a change, at most this long."""
        self._woken.wait(max(0.0, seconds))
        self._woken.clear()
