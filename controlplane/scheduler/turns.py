"""The tasks that are to be placed next, in the order of their turns. Pure bookkeeping.

A heap: ten thousand that wait are not looked through again for each thousand that are taken.
"""

from __future__ import annotations

import heapq

from controlplane.placement.fairness import Turn
from taskyard.keys import NamedKey


class Turns:
    def __init__(self) -> None:
        self._of: dict[NamedKey, Turn] = {}
        self._heap: list[Turn] = []
        """Also those that were removed since, or have another turn now: only what `_of` has counts."""

    def __len__(self) -> int:
        return len(self._of)

    def put(self, turn: Turn) -> None:
        """In place of the one that the task had."""
        if self._of.get(turn[2]) != turn:
            self._of[turn[2]] = turn
            heapq.heappush(self._heap, turn)

    def remove(self, key: NamedKey) -> None:
        self._of.pop(key, None)

    def head(self) -> Turn | None:
        """The first one, which stays."""
        while self._heap and self._of.get(self._heap[0][2]) != self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def take(self, count: int) -> list[NamedKey]:
        """The first ones, which are out of it then."""
        found: list[NamedKey] = []
        while self._heap and len(found) < count:
            turn = heapq.heappop(self._heap)
            if self._of.get(turn[2]) == turn:
                del self._of[turn[2]]
                found.append(turn[2])
        return found

    def clear(self) -> None:
        self._of.clear()
        self._heap.clear()
