"""The tasks to be placed next, in line: by their turn, and fairly where they are of several namespaces."""

from __future__ import annotations

from controlplane.cluster import ClusterCache
from controlplane.placement import Snapshot
from controlplane.placement.fairness import Turn, amounts_of, capacity_of, dominant, take_fairly
from controlplane.placement.holdings import Holdings
from controlplane.scheduler.turns import Turns
from taskyard.keys import NamedKey


class Line:
    def __init__(self, cache: ClusterCache) -> None:
        self._cache = cache
        self._holdings = Holdings(cache)
        self._of: dict[str, Turns] = {}
        """By namespace; none that is empty once `take` has looked."""

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def put(self, turn: Turn) -> None:
        namespace = turn[2].namespace
        turns = self._of.get(namespace)
        if turns is None:
            turns = self._of[namespace] = Turns()
        turns.put(turn)

    def remove(self, key: NamedKey) -> None:
        turns = self._of.get(key.namespace)
        if turns is not None:
            turns.remove(key)

    def take(self, count: int, snapshot: Snapshot) -> tuple[list[NamedKey], bool]:
        """The first ones, which are out of it then. True: of several namespaces, in an order that no turn tells. Call
        it under the cache's lock."""
        self._of = {namespace: turns for namespace, turns in self._of.items() if len(turns)}
        if len(self._of) < 2:
            return [key for turns in self._of.values() for key in turns.take(count)], False
        whole = capacity_of(snapshot.nodes.values())
        shares = self._holdings.shares(self._of, whole)
        return take_fairly(self._of, shares, lambda key: self._size(key, whole), count), True

    def _size(self, key: NamedKey, whole: dict[str, int]) -> float:
        record = self._cache.tasks.get(key)
        return dominant(amounts_of(record.demand), whole) if record is not None else 0.0

    def clear(self) -> None:
        self._of.clear()
