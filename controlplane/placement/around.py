"""The whole cluster as one node's filters see it: where the tasks are that a rule counts. Pure, and slow but plain.

For explanations; decisions keep the same counts up to date in `engine.census`, and a property test holds the two
against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from controlplane.cluster import Demand
from controlplane.cluster.rules import Affinity, Labels, Neighbours, Spread
from controlplane.placement.comparing import admits
from controlplane.placement.nodes import NodeState, Snapshot
from controlplane.placement.quotas import Amount, over, spent
from taskyard.keys import NamedKey
from taskyard.objects import NODE_NAME


def selects(selector: Labels, labels: Labels) -> bool:
    return set(selector) <= set(labels)


def own_neighbours(demand: Demand) -> Neighbours:
    """What `maxPerNode` counts."""
    return Neighbours(demand.labels, NODE_NAME)


def could_be_admitted(demand: Demand, node: NodeState) -> bool:
    """Nothing about the node itself forbids it: it takes part in how evenly tasks are spread."""
    facts = node.facts
    return (
        facts.open
        and all(taint.effect == "PreferNoSchedule" or demand.rules.tolerates(taint) for taint in facts.taints)
        and all(facts.labels.get(label) == value for label, value in demand.selector)
        and all(c.weight or admits(c, facts.attribute(c.key)) for c in demand.rules.constraints)
    )


class Around:
    """Of one snapshot; each count is worked out when it is first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.strategy = snapshot.strategy
        self._quotas = snapshot.quotas
        self._volumes = snapshot.volumes
        self._nodes: Mapping[str, NodeState] = snapshot.nodes
        self._counts: dict[tuple[str, Neighbours], Counter[str]] = {}
        self._least: dict[tuple[Demand, Spread], int] = {}

    def near(self, namespace: str, neighbours: Neighbours, node: NodeState) -> int | None:
        """Such tasks in the node's part of the cluster; None where the node has no value for the topology key."""
        domain = node.facts.attribute(neighbours.topology)
        return None if domain is None else self._count(namespace, neighbours)[domain]

    def anywhere(self, namespace: str, neighbours: Neighbours) -> bool:
        """There is such a task in any part of the cluster."""
        return any(self._count(namespace, neighbours).values())

    def least(self, demand: Demand, spread: Spread) -> int:
        """The fewest such tasks in any part of the cluster that has a node which would take this one but for room."""
        asked = demand, spread
        if asked not in self._least:
            counts = self._count(demand.namespace, spread.neighbours)
            topology = spread.neighbours.topology
            domains = {n.facts.attribute(topology) for n in self._nodes.values() if could_be_admitted(demand, n)}
            self._least[asked] = min((counts[domain] for domain in domains if domain is not None), default=0)
        return self._least[asked]

    def kept_away(self, demand: Demand, node: NodeState) -> Iterable[Affinity]:
        """The rules of tasks in this node's part of the cluster that keep such a task away from them."""
        for rule, domains in self._keeping_away.items():
            namespace, term = rule
            domain = node.facts.attribute(term.neighbours.topology)
            selected = namespace == demand.namespace and selects(term.neighbours.selector, demand.labels)
            if selected and domain in domains:
                yield term

    def homes(self, namespace: str, volume: str) -> Sequence[str]:
        """The nodes where the data of a volume is; empty: it is nowhere yet."""
        named = NamedKey(namespace, volume)
        recorded = self._volumes.get(named)
        return (recorded,) if recorded is not None else self._mounted.get(named, ())

    @property
    def keeps_away(self) -> bool:
        """Some task keeps others away from it."""
        return bool(self._keeping_away)

    def has_quota(self, namespace: str) -> bool:
        return namespace in self._quotas

    def over_quota(self, demand: Demand) -> str:
        """What of its namespace's quota it would go beyond; empty: nothing."""
        quota = self._quotas.get(demand.namespace)
        return over(quota, self._spent[demand.namespace], demand) if quota is not None else ""

    @cached_property
    def _mounted(self) -> dict[NamedKey, list[str]]:
        """By volume, the nodes that are there with a task that has it."""
        found: dict[NamedKey, list[str]] = {}
        for name in sorted(name for name, node in self._nodes.items() if node.facts.ready):
            mounted = {
                NamedKey(tenant.namespace, volume)
                for tenant in self._nodes[name].tenants
                for volume in tenant.rules.volumes
            }
            for volume in mounted:
                found.setdefault(volume, []).append(name)
        return found

    @cached_property
    def _spent(self) -> dict[str, Amount]:
        return spent(self._quotas, (tenant for node in self._nodes.values() for tenant in node.tenants))

    @cached_property
    def _keeping_away(self) -> dict[tuple[str, Affinity], set[str]]:
        found: dict[tuple[str, Affinity], set[str]] = {}
        for node in self._nodes.values():
            for tenant in node.tenants:
                for term in tenant.rules.affinities:
                    domain = node.facts.attribute(term.neighbours.topology) if term.apart and not term.weight else None
                    if domain is not None:
                        found.setdefault((tenant.namespace, term), set()).add(domain)
        return found

    def _count(self, namespace: str, neighbours: Neighbours) -> Counter[str]:
        asked = namespace, neighbours
        if asked not in self._counts:
            counts: Counter[str] = Counter()
            for node in self._nodes.values():
                domain = node.facts.attribute(neighbours.topology)
                if domain is not None:
                    counts[domain] += sum(
                        tenant.namespace == namespace and selects(neighbours.selector, tenant.labels)
                        for tenant in node.tenants
                    )
            self._counts[asked] = counts
        return self._counts[asked]
