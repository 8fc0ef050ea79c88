"""The filters that look at where other tasks are: affinity, spread, and how many may share a node. Pure."""

from __future__ import annotations

from controlplane.cluster import Demand
from controlplane.cluster.rules import Affinity, Labels
from controlplane.placement.around import Around, own_neighbours, selects
from controlplane.placement.nodes import NodeState
from controlplane.placement.refusing import Failure, Remedy
from taskyard.objects import NODE_NAME


def affinity(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    """Its own rules, and those by which tasks that are there already keep it away."""
    wrong = [
        said
        for term in demand.rules.affinities
        if not term.weight and (said := _broken(demand, term, node, around)) is not None
    ]
    for term in around.kept_away(demand, node):
        whom = _labels(term.neighbours.selector)
        wrong.append((f"a task there keeps away from {whom}", Remedy(f"no task there that keeps away from {whom}")))
    return _failure("affinity", wrong)


def _broken(demand: Demand, term: Affinity, node: NodeState, around: Around) -> tuple[str, Remedy] | None:
    topology, wanted = term.neighbours.topology, _labels(term.neighbours.selector)
    where = "on it" if topology == NODE_NAME else f"in its {topology}"
    count = around.near(demand.namespace, term.neighbours, node)
    if term.apart:
        return (f"has {wanted} {where}", Remedy(f"no {wanted} {where}")) if count else None
    if count or (count is not None and first_of_its_kind(demand, term, around)):
        return None
    if count is not None:
        return f"has no {wanted} {where}", Remedy(f"{wanted} {where}")
    if first_of_its_kind(demand, term, around):
        return f"has no label {topology}", Remedy(f"a label {topology}")
    return f"has no label {topology}", Remedy(f"a label {topology} that it shares with {wanted}")


def first_of_its_kind(demand: Demand, term: Affinity, around: Around) -> bool:
    """It asks to be near tasks like itself, and there is none anywhere: one has to be the first."""
    return selects(term.neighbours.selector, demand.labels) and not around.anywhere(demand.namespace, term.neighbours)


def spread(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    wrong = []
    for rule in demand.rules.spreads:
        if rule.weight:
            continue
        topology, counted = rule.neighbours.topology, _labels(rule.neighbours.selector)
        count, least = around.near(demand.namespace, rule.neighbours, node), around.least(demand, rule)
        if count is None:
            few = f"a label {topology} that it shares with fewer than {least + rule.max_skew} {counted}"
            wrong.append((f"has no label {topology}", Remedy(few)))
        elif (less := count + 1 - least - rule.max_skew) > 0:
            part = f"{topology}={node.facts.attribute(topology)}"
            said, where = f"{part} has {count}", "on it" if topology == NODE_NAME else f"in {part}"
            remedy = Remedy(f"{less} {_labels(rule.neighbours.selector, less)} less {where}", less)
            wrong.append((f"{said}, the fewest anywhere are {least}", remedy))
    return _failure("spread", wrong)


def max_per_node(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    if not demand.rules.max_per_node:
        return None
    count = around.near(demand.namespace, own_neighbours(demand), node) or 0
    less = count + 1 - demand.rules.max_per_node
    if less <= 0:
        return None
    return Failure("maxPerNode", f"has {count}", remedies=(Remedy(f"{less} such task{_s(less)} less", less),))


def _failure(name: str, wrong: list[tuple[str, Remedy]]) -> Failure | None:
    """Of two rules that say the same one is enough."""
    if not wrong:
        return None
    once = dict(wrong)
    return Failure(name, "; ".join(once), remedies=tuple(dict.fromkeys(once.values())))


def _labels(selector: Labels, count: int = 2) -> str:
    if not selector:
        return f"task{_s(count)} of any kind"
    return f"task{_s(count)} with " + ",".join(f"{key}={value}" for key, value in selector)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
