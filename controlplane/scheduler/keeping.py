"""Room that is kept for a task: where others are stopped for it, and where it has waited for too long. Bookkeeping.

Kept in memory alone: whoever leads next sees the same tasks wait, the most important first, and does the same again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement import Reservation
from taskyard.keys import NamedKey

PATIENCE = 60.0
"""Seconds that a task waits for room before what becomes free on one node is kept for it."""
_KEPT_FOR = 600.0
"""Seconds; then others may have it, for as long again, before it is kept once more."""
_STOPPING = 120.0
"""Seconds that tasks which are stopped for another have, above their grace period, until another try is made."""


@dataclass(frozen=True, slots=True)
class _Kept:
    reservation: Reservation
    until: float
    again_at: float


class KeptRoom:
    """Times are monotonic."""

    def __init__(self) -> None:
        self._kept: dict[NamedKey, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        """It has room kept for it, or had until a while ago."""
        return key in self._kept

    def for_a_while(self, reservation: Reservation, now: float) -> None:
        """It has waited for too long."""
        self._kept[reservation.key] = _Kept(reservation, now + _KEPT_FOR, now + 2 * _KEPT_FOR)

    def until_stopped(self, reservation: Reservation, now: float, grace: float) -> None:
        """Others are stopped there, with so many seconds at most to end."""
        until = now + grace + _STOPPING
        self._kept[reservation.key] = _Kept(reservation, until, until)

    def reservations(self, now: float) -> list[Reservation]:
        """Those that hold now."""
        for key in [key for key, kept in self._kept.items() if kept.again_at <= now]:
            del self._kept[key]
        return [kept.reservation for kept in self._kept.values() if now < kept.until]

    def next_end(self, now: float) -> float | None:
        """When others may have what is kept now for one of them; None: nothing is."""
        return min((kept.until for kept in self._kept.values() if now < kept.until), default=None)

    def drop(self, key: NamedKey, unless: Demand | None = None) -> bool:
        """It needs it no more, unless it still asks for just that. True when there was any."""
        kept = self._kept.get(key)
        if kept is None or kept.reservation.demand == unless:
            return False
        del self._kept[key]
        return True

    def drop_all(self, keys: Iterable[NamedKey]) -> bool:
        """As `drop`, for each."""
        return sum(map(self.drop, keys)) > 0

    def clear(self) -> None:
        self._kept.clear()


class Priorities:
    """Of the tasks that have a node: whether anything could be stopped for another at all."""

    def __init__(self) -> None:
        self._of: dict[NamedKey, int] = {}
        self._count: Counter[int] = Counter()

    def note(self, key: NamedKey, priority: int | None) -> None:
        """None: it has no node."""
        before = self._of.pop(key, None)
        if before is not None:
            self._count[before] -= 1
            if not self._count[before]:
                del self._count[before]
        if priority is not None:
            self._of[key] = priority
            self._count[priority] += 1

    def any_below(self, priority: int) -> bool:
        return any(known < priority for known in self._count)

    def clear(self) -> None:
        self._of.clear()
        self._count.clear()
