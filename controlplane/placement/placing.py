"""The decision: which node for each task of a batch, counting what the batch itself has placed so far. Pure.

Tasks with equal demands share one heap of nodes. Placing only ever makes a node worse, so an entry that is out of
date is worked out again when it comes to the top, and a demand that found no node finds none later in the batch.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.filters import fits, selected
from controlplane.placement.nodes import NodeState, Snapshot
from controlplane.placement.scores import Ranked, rank_fitting, total
from controlplane.placement.want import Want, beyond

_SHARED_BY = 3
"""From this many equal demands in a batch a heap pays for itself; below it, one pass over the nodes is cheaper."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`node` None: it fits nowhere as things are. `charge`: what it adds on the node until the store says so itself."""

    want: Want
    node: str | None
    charge: Demand
    score: float = 0.0


def place(snapshot: Snapshot, wants: Iterable[Want]) -> list[Decision]:
    """One decision for each want, in the order of their turns."""
    batch = sorted(wants, key=lambda want: want.turn)
    board = _Board(snapshot, Counter(want.demand for want in batch))
    return [board.decide(want) for want in batch]


class _Board:
    """The nodes as the batch has left them so far."""

    def __init__(self, snapshot: Snapshot, demands: Counter[Demand]) -> None:
        self._nodes = dict(snapshot.nodes)
        self._shared = {demand for demand, count in demands.items() if count >= _SHARED_BY}
        self._heaps: dict[Demand, list[Ranked]] = {}
        self._candidates: dict[tuple[tuple[str, str], ...], list[str]] = {}
        self._hopeless: set[Demand] = set()

    def decide(self, want: Want) -> Decision:
        stay = self._stay(want)
        if stay is not None:
            charge = beyond(want.demand, want.held.demand) if want.held else want.demand
            self._nodes[stay.facts.name] = self._nodes[stay.facts.name].charged(charge)
            return Decision(want, stay.facts.name, charge, total(want.demand, stay, True))
        best = self._best(want.demand)
        if best is None:
            return Decision(want, None, want.demand)
        self._nodes[best.facts.name] = best.charged(want.demand)
        return Decision(want, best.facts.name, want.demand, total(want.demand, best))

    def _stay(self, want: Want) -> NodeState | None:
        """The node that it is on, without what it holds there, if it still fits: no other can score higher."""
        node = self._nodes.get(want.current)
        if node is None:
            return None
        if want.held is not None and want.held.node == want.current:
            node = node.released(want.held.demand)
        return node if fits(want.demand, node) else None

    def _best(self, demand: Demand) -> NodeState | None:
        if demand in self._hopeless:
            return None
        best = self._top_of_heap(demand) if demand in self._shared else self._best_of_all(demand)
        if best is None:
            self._hopeless.add(demand)
        return best

    def _best_of_all(self, demand: Demand) -> NodeState | None:
        ranked = rank_fitting(demand, self._open(demand))
        return min(ranked)[-1] if ranked else None

    def _top_of_heap(self, demand: Demand) -> NodeState | None:
        heap = self._heaps.get(demand)
        if heap is None:
            heap = rank_fitting(demand, self._open(demand))
            heapq.heapify(heap)
            self._heaps[demand] = heap
        while heap:
            node = heap[0][-1]
            now = self._nodes[node.facts.name]
            if now is node:
                return node
            again = rank_fitting(demand, (now,))
            if again:
                heapq.heapreplace(heap, again[0])
            else:
                heapq.heappop(heap)
        return None

    def _open(self, demand: Demand) -> list[NodeState]:
        """The nodes that only room can rule out, looked up once per selector."""
        names = self._candidates.get(demand.selector)
        if names is None:
            names = [name for name, node in self._nodes.items() if node.facts.open and selected(demand, node)]
            self._candidates[demand.selector] = names
        return [self._nodes[name] for name in names]
