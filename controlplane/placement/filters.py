"""What can keep a task off a node: an ordered table of filters, each of which explains itself. Pure.

Every filter looks at every node, also when an earlier one has failed: only then does an explanation name all that is
in the way. `fits` is the same rules as one expression, for decisions; a property test keeps the two in agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.nodes import NodeState
from taskyard.quantity import format_bytes, format_cpu

_MI = 2**20


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one filter refuses one node. `short`: by how much, in millicores or bytes, where it is an amount."""

    filter: str
    detail: str = ""
    short: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """`phrase` follows a count of nodes: "2 too little memory"."""

    name: str
    phrase: str
    check: Callable[[Demand, NodeState], Failure | None]


def fits(demand: Demand, node: NodeState) -> bool:
    return (
        node.facts.open
        and (not demand.cpu or demand.cpu <= node.cpu)
        and (not demand.memory or demand.memory <= node.memory)
        and (not demand.disk or demand.disk <= node.disk)
        and (not demand.ports or node.ports.isdisjoint(demand.ports))
        and (not demand.selector or selected(demand, node))
    )


def selected(demand: Demand, node: NodeState) -> bool:
    labels = node.facts.labels
    return all(labels.get(label) == value for label, value in demand.selector)


def _ready(_: Demand, node: NodeState) -> Failure | None:
    return None if node.facts.ready else Failure("ready")


def _runtime(_: Demand, node: NodeState) -> Failure | None:
    return None if node.facts.runtime_ready or not node.facts.ready else Failure("runtime")


def _stopping(_: Demand, node: NodeState) -> Failure | None:
    return Failure("stopping") if node.facts.stopping else None


def _cordon(_: Demand, node: NodeState) -> Failure | None:
    return Failure("cordon") if node.facts.cordoned else None


def _taints(_: Demand, node: NodeState) -> Failure | None:
    if not node.facts.forbidding:
        return None
    return Failure("taints", ", ".join(f"{t.key}={t.value}:{t.effect}" for t in node.facts.forbidding))


def _selector(demand: Demand, node: NodeState) -> Failure | None:
    labels = node.facts.labels
    wrong = [(label, value) for label, value in demand.selector if labels.get(label) != value]
    if not wrong:
        return None
    needs = ", ".join(f"{label}={value}" for label, value in wrong)
    has = ", ".join(f"{label}={labels[label]}" for label, _ in wrong if label in labels)
    return Failure("selector", f"needs {needs}" + (f", has {has}" if has else ""))


def _cpu(demand: Demand, node: NodeState) -> Failure | None:
    short = demand.cpu - node.cpu
    if not demand.cpu or short <= 0 or not node.facts.ready:
        return None
    return Failure("cpu", f"needs {format_cpu(short)} more", short)


def _memory(demand: Demand, node: NodeState) -> Failure | None:
    short = demand.memory - node.memory
    if not demand.memory or short <= 0 or not node.facts.ready:
        return None
    return Failure("memory", f"needs {_readable(short)} more", short)


def _disk(demand: Demand, node: NodeState) -> Failure | None:
    short = demand.disk - node.disk
    if not demand.disk or short <= 0 or not node.facts.ready:
        return None
    return Failure("disk", f"needs {_readable(short)} more", short)


def _host_ports(demand: Demand, node: NodeState) -> Failure | None:
    taken = [f"{port.port}/{port.protocol}" for port in demand.ports if port in node.ports]
    return Failure("ports", f"{', '.join(taken)} taken") if taken else None


def _readable(count: int) -> str:
    """Whole mebibytes, rounded up, so that this much more is always enough; exact where it is a little."""
    return format_bytes(count if count < _MI else -(-count // _MI) * _MI)


FILTERS: tuple[Filter, ...] = (
    Filter("ready", "not ready", _ready),
    Filter("runtime", "without a working container runtime", _runtime),
    Filter("stopping", "with an agent that is being stopped", _stopping),
    Filter("cordon", "cordoned", _cordon),
    Filter("taints", "tainted", _taints),
    Filter("selector", "not matching the node selector", _selector),
    Filter("cpu", "too little cpu", _cpu),
    Filter("memory", "too little memory", _memory),
    Filter("disk", "too little disk", _disk),
    Filter("ports", "with a host port taken", _host_ports),
)
