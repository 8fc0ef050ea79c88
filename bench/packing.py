"""Bin packing as the literature has it: the generators of instances, the plain heuristics, a lower bound. Pure."""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable

Make = Callable[[random.Random], list[int]]


def uniform(count: int) -> Make:
    """Falkenauer 1996: sizes uniform from 20 to 100, for bins of 150."""
    return lambda chance: [chance.randint(20, 100) for _ in range(count)]


def triplets(count: int) -> Make:
    """Falkenauer 1996: three items fill a bin of 1,000: one of 380 to 490, one of 250 to half of the rest, the rest."""

    def make(chance: random.Random) -> list[int]:
        items = []
        for _ in range(count // 3):
            first = chance.randint(380, 490)
            second = chance.randint(250, (1000 - first) // 2)
            items += [first, second, 1000 - first - second]
        chance.shuffle(items)
        return items

    return make


def best_fit(items: Iterable[int], size: int) -> int:
    """Bins used when each item goes where it leaves least."""
    left: list[int] = []
    for item in items:
        at = bisect_left(left, item)
        room = left.pop(at) if at < len(left) else size
        insort(left, room - item)
    return len(left)


def lower_bound(items: list[int], size: int) -> int:
    """L2 of Martello and Toth, Knapsack Problems (1990), 8.3.2."""
    best = -(-sum(items) // size)
    for small in {0, *(item for item in items if item <= size // 2)}:
        alone = sum(item > size - small for item in items)
        large = [item for item in items if size // 2 < item <= size - small]
        rest = sum(item for item in items if small <= item <= size // 2)
        over = rest - (len(large) * size - sum(large))
        best = max(best, alone + len(large) + max(0, -(-over // size)))
    return best
