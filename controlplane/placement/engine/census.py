"""How many tasks of a kind are in each part of the cluster, kept up to date one task at a time.

A kind is what a rule selects; the parts are the values of its topology key. For each count there is the set of nodes
in parts that have so many, so that a rule asks for nodes by count and never looks at them one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from controlplane.cluster import Demand
from controlplane.cluster.rules import Affinity, Labels, Neighbours
from controlplane.placement.around import selects
from taskyard.keys import NamedKey
from taskyard.objects import NODE_NAME

_Who = tuple[str, Labels]


class Census:
    __slots__ = ("_counts", "_domain_of", "_parts", "by_count", "everywhere")

    def __init__(
        self, parts: Mapping[str | None, int] | None, domain_of: Callable[[int], str | None], count: int
    ) -> None:
        """`parts`: the nodes by domain; None when each node is one. `count`: of all nodes."""
        self._parts = parts
        self._domain_of = domain_of
        self._counts: dict[str | int, int] = {}
        everybody = (1 << count) - 1
        self.everywhere = everybody if parts is None else everybody & ~parts.get(None, 0)
        """The nodes that are in any part."""
        self.by_count: dict[int, int] = {0: self.everywhere}

    def add(self, node: int, bit: int, change: int) -> None:
        domain: str | int | None
        if self._parts is None:
            domain, nodes = node, bit
        else:
            domain = self._domain_of(node)
            if domain is None:
                return
            nodes = self._parts[domain]
        before = self._counts.get(domain, 0)
        self._counts[domain] = before + change
        left = self.by_count[before] ^ nodes
        if left:
            self.by_count[before] = left
        else:
            del self.by_count[before]
        self.by_count[before + change] = self.by_count.get(before + change, 0) | nodes

    @property
    def some(self) -> int:
        """The nodes in parts that have any."""
        return self.everywhere ^ self.by_count.get(0, 0)

    def least(self, among: int) -> int:
        """The smallest count of any part that has one of these nodes; 0 when none has."""
        return min((count for count, nodes in self.by_count.items() if nodes & among), default=0)

    def at_most(self, most: int) -> int:
        found = 0
        for count, nodes in self.by_count.items():
            if count <= most:
                found |= nodes
        return found


class Neighbourhood:
    """All that rules have asked to be counted, and which tasks count where."""

    def __init__(
        self, values: Callable[[str], Mapping[str | None, int]], attribute: Callable[[int, str], str | None], count: int
    ) -> None:
        self._values, self._attribute, self._nodes = values, attribute, count
        self._tenants: list[list[Demand]] = [[] for _ in range(count)]
        self._asked: dict[tuple[str, Neighbours], Census] = {}
        self._away: dict[tuple[str, Affinity], Census] = {}
        """Of tasks by what they keep away from."""
        self._counted_by: dict[_Who, tuple[Census, ...]] = {}
        self._kept_from: dict[_Who, tuple[Census, ...]] = {}
        self.mounted: dict[NamedKey, Counter[int]] = {}
        """By volume, how many tasks have it on which nodes."""

    def count(self, namespace: str, neighbours: Neighbours) -> Census:
        asked = namespace, neighbours
        found = self._asked.get(asked)
        if found is None:
            found = self._asked[asked] = self._new(neighbours.topology)
            self._counted_by.clear()
            for node, tenants in enumerate(self._tenants):
                for tenant in tenants:
                    if tenant.namespace == namespace and selects(neighbours.selector, tenant.labels):
                        found.add(node, 1 << node, 1)
        return found

    def kept_from(self, demand: Demand) -> int:
        """The nodes where tasks are that keep such a task away."""
        if not self._away:
            return 0
        who = demand.namespace, demand.labels
        found = self._kept_from.get(who)
        if found is None:
            found = self._kept_from[who] = tuple(
                census
                for (namespace, term), census in self._away.items()
                if namespace == demand.namespace and selects(term.neighbours.selector, demand.labels)
            )
        nodes = 0
        for census in found:
            nodes |= census.some
        return nodes

    def move_in(self, node: int, bit: int, demand: Demand) -> None:
        self._tenants[node].append(demand)
        if self._asked or demand.rules.affinities or demand.rules.volumes:
            self._note(node, bit, demand, 1)

    def move_out(self, node: int, bit: int, demand: Demand) -> None:
        tenants = self._tenants[node]
        if demand in tenants:
            tenants.remove(demand)
            self._note(node, bit, demand, -1)

    def replace(self, node: int, bit: int, tenants: tuple[Demand, ...]) -> None:
        """These are all that are there."""
        before, now = self._tenants[node], list(tenants)
        if before == now:
            return
        self._tenants[node] = now
        # Mostly one has come or gone, and all before and after it are the same.
        shorter = min(len(before), len(now))
        first = next((i for i in range(shorter) if before[i] is not now[i]), shorter)
        rest = shorter - first
        last = next((i for i in range(rest) if before[-1 - i] is not now[-1 - i]), rest)
        for demand in before[first : len(before) - last]:
            self._note(node, bit, demand, -1)
        for demand in now[first : len(now) - last]:
            self._note(node, bit, demand, 1)

    def _note(self, node: int, bit: int, demand: Demand, change: int) -> None:
        if self._asked:
            who = demand.namespace, demand.labels
            counted = self._counted_by.get(who)
            if counted is None:
                counted = self._counted_by[who] = tuple(
                    census
                    for (namespace, neighbours), census in self._asked.items()
                    if namespace == demand.namespace and selects(neighbours.selector, demand.labels)
                )
            for census in counted:
                census.add(node, bit, change)
        for volume in demand.rules.volumes:
            on = self.mounted.setdefault(NamedKey(demand.namespace, volume), Counter())
            on[node] += change
            if not on[node]:
                del on[node]
        for term in demand.rules.affinities:
            if term.apart and not term.weight:
                rule = demand.namespace, term
                if rule not in self._away:
                    self._away[rule] = self._new(term.neighbours.topology)
                    self._kept_from.clear()
                self._away[rule].add(node, bit, change)

    def _new(self, topology: str) -> Census:
        parts = None if topology == NODE_NAME else self._values(topology)
        return Census(parts, lambda node: self._attribute(node, topology), self._nodes)
