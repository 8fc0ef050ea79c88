"""What is promised of history: a leader forgets none that is younger than was asked for, and in the end keeps no more.

Judged by when each revision was written, as the whole run knows it, and by what the control planes compact.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from controlplane.past import Retention
from simulator.story import Violation

KEPT = 40.0
"""Seconds of history that control planes are told to keep."""
_SLACK = 90.0
"""Seconds by which it may be more: it is compacted once a minute, to a mark, of which there is one in ten seconds."""


def retention(retained: bool | None) -> Retention:
    """Where it is not asked for, the store is compacted by nobody's leave, and sooner."""
    return Retention(KEPT if retained else math.inf, 1)


class Retained:
    def __init__(self) -> None:
        self._at: list[float] = []
        self._revisions: list[int] = []
        """Both rising: what was written when."""

    def note(self, revision: int, now: float) -> None:
        if not self._revisions or revision > self._revisions[-1]:
            self._at.append(now)
            self._revisions.append(revision)

    def forgotten_early(self, revision: int, who: str, now: float) -> str:
        """What is wrong with it; empty: what was current `KEPT` seconds ago can still be read."""
        if revision <= self._current_at(now - KEPT):
            return ""
        return f"{who} made the store forget what was so before revision {revision}, {KEPT:g} s ago"

    def check_settled(self, oldest: int, now: float) -> None:
        """`oldest`: the first revision that can still be read."""
        least = self._current_at(now - KEPT - _SLACK)
        if oldest < least:
            raise Violation(f"the store remembers revision {oldest}, and is to forget all before {least}")

    def _current_at(self, moment: float) -> int:
        place = bisect_right(self._at, moment) - 1
        return self._revisions[place] if place >= 0 else 0
