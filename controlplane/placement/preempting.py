"""Which tasks of lower priority would have to stop so that a task fits, and which of all those sets is the cheapest.

Pure. A task is never stopped for one of equal or lower priority, nor where fewer with its labels would be left than it
says (`minAvailable`). Of the nodes where it would fit without all that may be stopped there together, each gives back
as many as it can, the most important and the largest first; then the cheapest node is the one whose most important
victim is the least important, then the one with fewer victims, then with less set aside for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.around import Around, could_be_admitted
from controlplane.placement.budgets import Budgets
from controlplane.placement.engine import Engine
from controlplane.placement.filters import fits
from controlplane.placement.nodes import NodeState, Snapshot

_LOOKED_AT = 200
"""Nodes, those that lack least: of thousands no others are compared."""


@dataclass(frozen=True, slots=True)
class Preemption:
    node: str
    victims: tuple[Demand, ...]


def cheapest(snapshot: Snapshot, demand: Demand, budgets: Budgets) -> Preemption | None:
    """None: nothing that may be stopped would make room for it. `budgets`: of what runs, without the task itself."""
    if Around(snapshot).over_quota(demand):
        return None
    judge = _Judge(snapshot, demand, budgets)
    able = [
        node
        for node in snapshot.nodes.values()
        if could_be_admitted(demand, node) and any(tenant.priority < demand.priority for tenant in node.tenants)
    ]
    able.sort(key=lambda node: (_lack(demand, node), node.facts.precedence))
    found = []
    for node in able[:_LOOKED_AT]:
        victims = judge.victims(node)
        if victims:
            cost = (
                max(victim.priority for victim in victims),
                len(victims),
                sum(_share(victim, node) for victim in victims),
                node.facts.precedence,
            )
            found.append((cost, Preemption(node.facts.name, tuple(victims))))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def for_all(snapshot: Snapshot, demands: Sequence[Demand], budgets: Budgets) -> list[Preemption] | None:
    """For a gang: where each goes, in their order, and who is stopped for it there: nobody where there is room already.
    None: not all of them can have room. `budgets`: of what runs, without any of the gang."""
    engine, budgets, found = Engine(), budgets.copy(), []
    for demand in demands:
        engine.take(snapshot)
        choice = engine.choose(demand)
        one = Preemption(choice.node, ()) if choice is not None else cheapest(snapshot, demand, budgets)
        if one is None:
            return None
        node = snapshot.nodes[one.node]
        for victim in one.victims:
            node = node.released(victim)
            budgets.take(victim)
        snapshot = snapshot.with_nodes({**snapshot.nodes, one.node: node.charged(demand)})
        found.append(one)
    return found


def by_node(found: Iterable[Preemption]) -> list[Preemption]:
    """One for each node where any is stopped: of equal tasks no one is meant twice."""
    victims: dict[str, tuple[Demand, ...]] = {}
    for one in found:
        if one.victims:
            victims[one.node] = (*victims.get(one.node, ()), *one.victims)
    return [Preemption(node, victims[node]) for node in sorted(victims)]


class _Judge:
    """One demand, held against nodes without some of their tenants."""

    def __init__(self, snapshot: Snapshot, demand: Demand, budgets: Budgets) -> None:
        self._snapshot, self._demand, self._budgets = snapshot, demand, budgets
        together = demand.rules.by_neighbours or any(
            tenant.rules.affinities for node in snapshot.nodes.values() for tenant in node.tenants
        )
        self._alone = None if together else Around(snapshot.with_nodes({}))
        """What is around a node makes no difference."""

    def victims(self, node: NodeState) -> list[Demand]:
        """Empty: it is not possible there."""
        lower = [each for each in node.tenants if each.priority < self._demand.priority and each.namespace]
        lower.sort(key=lambda tenant: (tenant.priority, _share(tenant, node)))
        # Where a budget has no room for all of them: the least important of its kind, or else the largest.
        for order in (lower, lower[::-1]):
            left = self._budgets.copy()
            together = [tenant for tenant in order if left.take(tenant)]
            without = node
            for tenant in together:
                without = without.released(tenant)
            if together and self._fits(without):
                return self._needed(without, together if order is lower else together[::-1])
            if len(together) == len(lower):
                break
        return []

    def _needed(self, without: NodeState, gone: Sequence[Demand]) -> list[Demand]:
        """Of those that are gone from the node: the last are the first to be given back."""
        needed: list[Demand] = []
        for tenant in reversed(gone):
            back = without.charged(tenant)
            if self._fits(back):
                without = back
            else:
                needed.append(tenant)
        return needed

    def _fits(self, node: NodeState) -> bool:
        nodes = {**self._snapshot.nodes, node.facts.name: node} if self._alone is None else {}
        return fits(self._demand, node, self._alone or Around(self._snapshot.with_nodes(nodes)))


def _share(demand: Demand, node: NodeState) -> float:
    capacity = node.facts.capacity
    return demand.cpu / max(capacity.cpu_millis, 1) + demand.memory / max(capacity.memory_bytes, 1)


def nearest(snapshot: Snapshot, demand: Demand) -> str | None:
    """The node that lacks least for it, of those that would take it if they were empty; None: there is none."""
    if Around(snapshot).over_quota(demand):
        return None
    lacking = [
        (_lack(demand, node), node.facts.precedence)
        for node in snapshot.nodes.values()
        if could_be_admitted(demand, node) and _would_hold(demand, node)
    ]
    return min(lacking)[1][-1] if lacking else None


def _would_hold(demand: Demand, node: NodeState) -> bool:
    capacity = node.facts.capacity
    return (
        demand.cpu <= capacity.cpu_millis
        and demand.memory <= capacity.memory_bytes
        and demand.disk <= capacity.disk_bytes
        and all(count <= capacity.generic.get(name, 0) for name, count in demand.generic)
    )


def _lack(demand: Demand, node: NodeState) -> float:
    capacity = node.facts.capacity
    amounts = (
        (demand.cpu - node.cpu, capacity.cpu_millis),
        (demand.memory - node.memory, capacity.memory_bytes),
        (demand.disk - node.disk, capacity.disk_bytes),
        *((count - node.generic.get(name, 0), capacity.generic.get(name, 0)) for name, count in demand.generic),
    )
    return sum(max(short, 0) / max(whole, 1) for short, whole in amounts)
