"""How often each object is written: by components in a short time while much happens, and at all while nothing does."""

from __future__ import annotations

from collections import deque

from simulator.story import Violation
from taskyard import keys

WINDOW = 10.0
"""Seconds."""
BURST = 30
"""Writes of one key by components within the window. A task whose container crashes at once, in the first steps of its
backoff, is written ten times; edits, moves and faults in a storm add as many."""
QUIET = 1
LOOPING = 28
"""Of what crashes or falls ill again and again: up to four for each restart, and its backoff makes restarts rare, seven
in the time without anything else."""


class Writes:
    """Of keys that are under no lease."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}
        """Since `still_from_now`."""
        self._recent: dict[str, deque[float]] = {}

    def note(self, key: str, who: str, now: float) -> None:
        """Users may write as often as they like."""
        self.count[key] = self.count.get(key, 0) + 1
        if who in ("user", "hand"):
            return
        recent = self._recent.setdefault(key, deque())
        recent.append(now)
        while recent[0] < now - WINDOW:
            recent.popleft()
        if len(recent) > BURST:
            name = key.rpartition("/")[2]
            raise Violation(f"{key.removeprefix(keys.ROOT)} was written {len(recent)} times in {WINDOW:g} s", name)

    def still_from_now(self) -> None:
        self.count.clear()

    def check_still(self, restless: set[str]) -> None:
        """`restless`: uids of tasks that go on failing, or going up and down."""
        for key, count in self.count.items():
            name = key.rpartition("/")[2]
            if count > (LOOPING if name in restless else QUIET):
                raise Violation(f"{key} was written {count} times while nothing happened", name)
