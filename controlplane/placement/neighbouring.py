"""The filters that look at where other tasks are: affinity, spread, and how many may share a node. Pure."""

from __future__ import annotations

from controlplane.cluster import Demand
from controlplane.cluster.rules import Affinity, Labels
from controlplane.placement.around import Around, own_neighbours, selects
from controlplane.placement.nodes import NodeState
from controlplane.placement.refusing import Failure


def affinity(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    """Its own rules, and those by which tasks that are there already keep it away."""
    wrong = [
        said
        for term in demand.rules.affinities
        if not term.weight and (said := _broken(demand, term, node, around)) is not None
    ]
    wrong += [f"a task there keeps away from {_labels(t.neighbours.selector)}" for t in around.kept_away(demand, node)]
    return Failure("affinity", "; ".join(dict.fromkeys(wrong))) if wrong else None


def _broken(demand: Demand, term: Affinity, node: NodeState, around: Around) -> str | None:
    topology, wanted = term.neighbours.topology, _labels(term.neighbours.selector)
    count = around.near(demand.namespace, term.neighbours, node)
    if term.apart:
        return f"has {wanted} in its {topology}" if count else None
    if count is None:
        return f"has no label {topology}"
    if count or first_of_its_kind(demand, term, around):
        return None
    return f"has no {wanted} in its {topology}"


def first_of_its_kind(demand: Demand, term: Affinity, around: Around) -> bool:
    """It asks to be near tasks like itself, and there is none anywhere: one has to be the first."""
    return selects(term.neighbours.selector, demand.labels) and not around.anywhere(demand.namespace, term.neighbours)


def spread(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    wrong = []
    for rule in demand.rules.spreads:
        if rule.weight:
            continue
        topology = rule.neighbours.topology
        count = around.near(demand.namespace, rule.neighbours, node)
        if count is None:
            wrong.append(f"has no label {topology}")
        elif count + 1 - around.least(demand, rule) > rule.max_skew:
            where, least = node.facts.attribute(topology), around.least(demand, rule)
            wrong.append(f"{topology}={where} has {count}, the fewest anywhere are {least}")
    return Failure("spread", "; ".join(wrong)) if wrong else None


def max_per_node(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    if not demand.rules.max_per_node:
        return None
    count = around.near(demand.namespace, own_neighbours(demand), node) or 0
    return Failure("maxPerNode", f"has {count}") if count >= demand.rules.max_per_node else None


def _labels(selector: Labels) -> str:
    return "tasks with " + ",".join(f"{key}={value}" for key, value in selector) if selector else "any task"
