"""Of one resource: which nodes have at least so much free, as sets of bits for some amounts.

For an amount without a set of its own the one for the next smaller stands in, and the search checks what it picks. An
amount gets its own once searches pick too many nodes in vain: as long as the best nodes have room, none is needed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from controlplane.placement.engine.bits import pack

_STEPS = 48
"""Amounts that have a set of their own: each costs a bit to flip when a node passes it."""


class Ladder:
    """`free[i]`: of node number i. Sets are ints with bit i set."""

    __slots__ = ("_evict", "_masks", "_steps", "everybody", "free")

    def __init__(self, free: list[int]) -> None:
        self.free = free
        self.everybody = (1 << len(free)) - 1
        self._steps: list[int] = []
        """Ascending, with the set of each in `_masks`."""
        self._masks: list[int] = []
        self._evict = 0

    def at_least(self, amount: int) -> tuple[int, bool]:
        """Those that have so much free, or (False) perhaps also some that have less."""
        at = bisect_left(self._steps, amount)
        if at < len(self._steps) and self._steps[at] == amount:
            return self._masks[at], True
        return (self._masks[at - 1] if at else self.everybody), False

    def refine(self, amount: int) -> None:
        """Too many that had too little were looked at: give this amount a set of its own."""
        at = bisect_left(self._steps, amount)
        if at < len(self._steps) and self._steps[at] == amount:
            return
        if len(self._steps) == _STEPS:
            self._evict = (self._evict + 1) % _STEPS
            del self._steps[self._evict], self._masks[self._evict]
            at = bisect_left(self._steps, amount)
        self._steps.insert(at, amount)
        self._masks.insert(at, pack(["1" if free >= amount else "0" for free in reversed(self.free)]))

    def take(self, at: int, bit: int, amount: int) -> None:
        """Node number `at` has so much less free now: most of what a decision does here."""
        before = self.free[at]
        now = self.free[at] = before - amount
        steps = self._steps
        if steps:
            start = bisect_right(steps, now)
            if start < len(steps) and steps[start] <= before:
                for passed in range(start, bisect_right(steps, before, start)):
                    self._masks[passed] ^= bit

    def set(self, at: int, bit: int, free: int) -> None:
        """Node number `at` has so much free now; `bit` is its bit."""
        before = self.free[at]
        if free == before:
            return
        self.free[at] = free
        low, high = (free, before) if free < before else (before, free)
        steps = self._steps
        start = bisect_right(steps, low)
        if start < len(steps) and steps[start] <= high:
            for passed in range(start, bisect_right(steps, high, start)):
                self._masks[passed] ^= bit
