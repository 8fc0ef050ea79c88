"""What can keep a task off a node: an ordered table of filters, each of which explains itself. Pure.

Every filter looks at every node, also when an earlier one has failed: only then does an explanation name all that is
in the way. Decisions use the same rules as sets of nodes (`engine`); a property test keeps the two in agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.around import Around
from controlplane.placement.comparing import admits, constraint_text
from controlplane.placement.homes import refusal
from controlplane.placement.neighbouring import affinity, max_per_node, spread
from controlplane.placement.nodes import NodeState
from controlplane.placement.refusing import Failure, Remedy
from taskyard.objects import Taint
from taskyard.quantity import format_bytes, format_cpu

Check = Callable[[Demand, NodeState, Around], Failure | None]

_MI = 2**20


@dataclass(frozen=True, slots=True)
class Filter:
    """`phrase` follows a count of nodes: "2 too little memory"."""

    name: str
    phrase: str
    check: Check
    by_neighbours: bool = False
    """It looks at tasks on other nodes as well."""
    asked: Callable[[Demand, Around], object] = lambda _demand, _around: True
    """False when it refuses no node at all: a task that asks for nothing of the kind."""


def fits(demand: Demand, node: NodeState, around: Around) -> bool:
    return all(rule.check(demand, node, around) is None for rule in FILTERS)


def asked(demand: Demand, around: Around) -> tuple[Filter, ...]:
    """Those that may refuse some node."""
    return tuple(rule for rule in FILTERS if rule.asked(demand, around))


def _ready(_: Demand, node: NodeState, _around: Around) -> Failure | None:
    return None if node.facts.ready else Failure("ready")


def _stopping(_: Demand, node: NodeState, _around: Around) -> Failure | None:
    return Failure("stopping") if node.facts.stopping else None


def _cordon(_: Demand, node: NodeState, _around: Around) -> Failure | None:
    return Failure("cordon") if node.facts.cordoned else None


def _taints(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    hard = forbidding(demand, node)
    return Failure("taints", ", ".join(f"{t.key}={t.value}:{t.effect}" for t in hard)) if hard else None


def forbidding(demand: Demand, node: NodeState) -> list[Taint]:
    """The node's taints that keep it away: effects NoSchedule and NoExecute, not tolerated."""
    return [t for t in node.facts.taints if t.effect != "PreferNoSchedule" and not demand.rules.tolerates(t)]


def _selector(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    labels = node.facts.labels
    wrong = [(label, value) for label, value in demand.selector if labels.get(label) != value]
    if not wrong:
        return None
    needs = ", ".join(f"{label}={value}" for label, value in wrong)
    has = ", ".join(f"{label}={labels[label]}" for label, _ in wrong if label in labels)
    return Failure("selector", f"needs {needs}" + (f", has {has}" if has else ""))


def _constraints(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    wrong = [c for c in demand.rules.constraints if not c.weight and not admits(c, node.facts.attribute(c.key))]
    if not wrong:
        return None
    has = dict.fromkeys(f"{c.key}={value}" for c in wrong if (value := node.facts.attribute(c.key)) is not None)
    needs = ", ".join(constraint_text(c) for c in wrong)
    return Failure("constraints", f"needs {needs}" + (f", has {', '.join(has)}" if has else ""))


def _cpu(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    short = demand.cpu - node.cpu
    if not demand.cpu or short <= 0 or not node.facts.ready:
        return None
    return Failure("cpu", f"needs {format_cpu(short)} more", short, (("cpu", short),))


def _memory(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    short = demand.memory - node.memory
    if not demand.memory or short <= 0 or not node.facts.ready:
        return None
    return Failure("memory", f"needs {_readable(short)} more", short, (("memory", short),))


def _disk(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    short = demand.disk - node.disk
    if not demand.disk or short <= 0 or not node.facts.ready:
        return None
    return Failure("disk", f"needs {_readable(short)} more", short, (("disk", short),))


def _generic(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    if not node.facts.ready:
        return None
    short = tuple((name, count - free) for name, count in demand.generic if (free := node.generic.get(name, 0)) < count)
    if not short:
        return None
    needs = ", ".join(f"{count} {name}" for name, count in short)
    return Failure("generic", f"needs {needs} more", sum(count for _, count in short), short)


def _host_ports(demand: Demand, node: NodeState, _around: Around) -> Failure | None:
    taken = [f"{port.port}/{port.protocol}" for port in demand.ports if port in node.ports]
    return Failure("ports", f"{', '.join(taken)} taken", remedies=tuple(map(Remedy, taken))) if taken else None


def _volumes(demand: Demand, node: NodeState, around: Around) -> Failure | None:
    homes = {volume: around.homes(demand.namespace, volume) for volume in demand.rules.volumes}
    return refusal({volume: nodes for volume, nodes in homes.items() if nodes and node.facts.name not in nodes})


def _readable(count: int) -> str:
    """Whole mebibytes, rounded up, so that this much more is always enough; exact where it is a little."""
    return format_bytes(count if count < _MI else -(-count // _MI) * _MI)


def _quota(demand: Demand, _node: NodeState, around: Around) -> Failure | None:
    """The same on every node."""
    wrong = around.over_quota(demand)
    return Failure("quota", f"would be {wrong}") if wrong else None


FILTERS: tuple[Filter, ...] = (
    Filter(
        "quota",
        "beyond the namespace's quota",
        _quota,
        by_neighbours=True,
        asked=lambda d, around: around.has_quota(d.namespace),
    ),
    Filter("ready", "not ready", _ready),
    Filter("stopping", "with an agent that is being stopped", _stopping),
    Filter("cordon", "cordoned", _cordon),
    Filter("taints", "tainted", _taints),
    Filter("selector", "not matching the node selector", _selector, asked=lambda d, _: d.selector),
    Filter("constraints", "not meeting the constraints", _constraints, asked=lambda d, _: d.rules.constraints),
    Filter("cpu", "too little cpu", _cpu, asked=lambda d, _: d.cpu),
    Filter("memory", "too little memory", _memory, asked=lambda d, _: d.memory),
    Filter("disk", "too little disk", _disk, asked=lambda d, _: d.disk),
    Filter("generic", "too little of other resources", _generic, asked=lambda d, _: d.generic),
    Filter("ports", "with a host port taken", _host_ports, asked=lambda d, _: d.ports),
    Filter(
        "volumes",
        "without the data of its volumes",
        _volumes,
        by_neighbours=True,
        asked=lambda d, _: d.rules.volumes,
    ),
    Filter(
        "affinity",
        "not near, or not apart from, the right tasks",
        affinity,
        by_neighbours=True,
        asked=lambda d, around: d.rules.affinities or around.keeps_away,
    ),
    Filter(
        "spread",
        "where the tasks would not be spread evenly",
        spread,
        by_neighbours=True,
        asked=lambda d, _: d.rules.spreads,
    ),
    Filter(
        "maxPerNode",
        "with as many such tasks as one node may have",
        max_per_node,
        by_neighbours=True,
        asked=lambda d, _: d.rules.max_per_node,
    ),
)
