"""Whose turn it is when tasks of several namespaces wait: that of the one which holds least for its weight. Pure.

Dominant resource fairness (Ghodsi et al., NSDI 2011), weighted: a namespace's share is the largest of the shares that
it holds of the cluster's cpu, of its memory and of what nodes offer beside; the next place goes to the namespace whose
share divided by its weight is the smallest, and counts for it at once. Priority goes before all of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from controlplane.cluster import Demand
from controlplane.placement.nodes import NodeState
from taskyard.keys import NamedKey

Turn = tuple[int, str, NamedKey]
"""Smaller goes first: the highest priority, then the oldest, then by name."""
Amounts = Mapping[str, int]
"""Millicores under `cpu`, bytes under `memory`, counts of anything else."""


class Share(NamedTuple):
    """Of a namespace: what it holds of what it holds most of, 0 to 1, and its weight."""

    held: float = 0.0
    weight: int = 1

    @property
    def ratio(self) -> float:
        return self.held / self.weight


def capacity_of(nodes: Iterable[NodeState]) -> dict[str, int]:
    """Of the nodes that are there."""
    whole: dict[str, int] = {}
    for node in nodes:
        capacity = node.facts.capacity
        amounts = {"cpu": capacity.cpu_millis, "memory": capacity.memory_bytes, **capacity.generic}
        for name, amount in amounts.items():
            whole[name] = whole.get(name, 0) + amount
    return whole


def amounts_of(demand: Demand) -> dict[str, int]:
    """A task that states nothing counts for something, too."""
    return {"cpu": demand.nominal_cpu, "memory": demand.nominal_memory, **dict(demand.generic)}


def dominant(amounts: Amounts, whole: Amounts) -> float:
    """The largest share of anything."""
    return max((amount / whole[name] for name, amount in amounts.items() if whole.get(name)), default=0.0)


class Queue(Protocol):
    """The tasks of one namespace, by their turns."""

    def head(self) -> Turn | None: ...

    def take(self, count: int) -> list[NamedKey]: ...


def take_fairly(
    queues: Mapping[str, Queue], shares: Mapping[str, Share], size_of: Callable[[NamedKey], float], most: int
) -> list[NamedKey]:
    """The first `most` of all. `size_of`: the dominant share that a task adds. A namespace that `shares` does not have
    holds nothing, with weight 1."""
    heads = ((namespace, queue.head()) for namespace, queue in queues.items())
    next_ones = [_Next.of(shares.get(namespace, Share()), head) for namespace, head in heads if head is not None]
    heapq.heapify(next_ones)
    found: list[NamedKey] = []
    while next_ones and len(found) < most:
        first = next_ones[0]
        queue = queues[first.turn[2].namespace]
        (key,) = queue.take(1)
        found.append(key)
        head = queue.head()
        if head is not None:
            grown = first.share._replace(held=first.share.held + size_of(key))
            heapq.heapreplace(next_ones, _Next.of(grown, head))
        else:
            heapq.heappop(next_ones)
    return found


class InTurn:
    """A `Queue` of those that are known from the beginning."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._left = sorted(turns, reverse=True)

    def head(self) -> Turn | None:
        return self._left[-1] if self._left else None

    def take(self, count: int) -> list[NamedKey]:
        return [self._left.pop()[2] for _ in range(min(count, len(self._left)))]


class _Next(NamedTuple):
    """The head of a namespace's queue; smaller goes first."""

    priority: int
    ratio: float
    turn: Turn
    share: Share

    @classmethod
    def of(cls, share: Share, turn: Turn) -> _Next:
        return cls(turn[0], share.ratio, turn, share)
