"""The smallest change that would let a task onto a node: for each filter that refuses it, what that one lacks. Pure.

The filters look at different things, so what all of them lack together is needed, and is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement import Explanation, Failure, NodeState, Snapshot
from controlplane.placement.comparing import admits, constraint_text
from controlplane.placement.filters import forbidding
from taskyard.objects import CONDITION_TAINTS
from taskyard.quantity import format_bytes, format_cpu

_MI = 2**20
_A_DEED = 1.0
"""The size of one thing that an operator has to do, next to shares of a node's capacity."""
_OUT_OF_HAND = 1000.0
"""The size of what nobody can just set: an agent that is away."""
_CONDITIONS = {taint: condition for condition, taint in CONDITION_TAINTS.items()}


@dataclass(frozen=True, slots=True)
class Need:
    """`amount`: millicores or bytes, exactly; `items`: labels (`zone=b`), taints or ports, one by one."""

    filter: str
    text: str
    """It follows "needs": `256Mi more memory`."""
    size: float
    """To compare changes by: one node's capacity, or one deed, is 1."""
    amount: int = 0
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """All that one node lacks."""

    node: str
    needs: tuple[Need, ...]

    @property
    def size(self) -> float:
        return sum(need.size for need in self.needs)

    @property
    def text(self) -> str:
        """`256Mi more memory and label zone=b on n3`"""
        return f"{' and '.join(need.text for need in self.needs)} on {self.node}"


def smallest_changes(snapshot: Snapshot, demand: Demand, explanation: Explanation, limit: int = 0) -> list[Change]:
    """One for each node that refuses the demand, the smallest first; `limit` 0 is all of them."""
    changes = [
        Change(verdict.node, tuple(_need(demand, snapshot.nodes[verdict.node], each) for each in verdict.failures))
        for verdict in explanation.nodes
        if verdict.failures
    ]
    changes.sort(key=lambda change: (change.size, change.node))
    return changes[:limit] if limit else changes


def _need(demand: Demand, node: NodeState, failure: Failure) -> Need:
    return _NEEDS[failure.filter](demand, node, failure)


def _agent(_: Demand, __: NodeState, failure: Failure) -> Need:
    return Need(failure.filter, "its agent back (how much room it has is known then)", _OUT_OF_HAND)


def _stopping(_: Demand, __: NodeState, failure: Failure) -> Need:
    return Need(failure.filter, "its agent started again", _OUT_OF_HAND)


def _uncordon(_: Demand, __: NodeState, failure: Failure) -> Need:
    return Need(failure.filter, "an uncordon", _A_DEED)


def _taints(demand: Demand, node: NodeState, failure: Failure) -> Need:
    """One that stands for a condition goes with the condition, and nobody can just take it off."""
    found = forbidding(demand, node)
    conditions = [_CONDITIONS[taint] for taint in found if taint in _CONDITIONS]
    own = [f"{taint.key}={taint.value}:{taint.effect}" for taint in found if taint not in _CONDITIONS]
    parts = [f"taint {', '.join(own)} gone"] if own else []
    parts += [f"its {', '.join(conditions)} over"] if conditions else []
    size = _A_DEED * len(own) + _OUT_OF_HAND * len(conditions)
    return Need(failure.filter, " and ".join(parts), size, items=(*own, *conditions))


def _labels(demand: Demand, node: NodeState, failure: Failure) -> Need:
    labels = node.facts.labels
    wrong = tuple(f"{label}={value}" for label, value in demand.selector if labels.get(label) != value)
    return Need(failure.filter, f"label {', '.join(wrong)}", _A_DEED * len(wrong), items=wrong)


def _cpu(_: Demand, node: NodeState, failure: Failure) -> Need:
    share = _share(failure.short, node.facts.capacity.cpu_millis)
    return Need(failure.filter, f"{format_cpu(failure.short)} more cpu", share, amount=failure.short)


def _memory(_: Demand, node: NodeState, failure: Failure) -> Need:
    share = _share(failure.short, node.facts.capacity.memory_bytes)
    return Need(failure.filter, f"{readable(failure.short)} more memory", share, amount=failure.short)


def _disk(_: Demand, node: NodeState, failure: Failure) -> Need:
    share = _share(failure.short, node.facts.capacity.disk_bytes)
    return Need(failure.filter, f"{readable(failure.short)} more disk", share, amount=failure.short)


def _generic(_: Demand, node: NodeState, failure: Failure) -> Need:
    share = sum(_share(short, node.facts.capacity.generic.get(name, 0)) for name, short in failure.lacking)
    lacking = tuple(f"{short} {name}" for name, short in failure.lacking)
    return Need(failure.filter, f"{', '.join(lacking)} more", share, amount=failure.short, items=lacking)


def _ports(_: Demand, __: NodeState, failure: Failure) -> Need:
    taken = tuple(each.text for each in failure.remedies)
    return Need(failure.filter, f"host port {', '.join(taken)} free", _A_DEED * len(taken), items=taken)


def readable(count: int) -> str:
    """Whole mebibytes, rounded up, so that this much more is always enough; exact where it is a little."""
    return format_bytes(count if count < _MI else -(-count // _MI) * _MI)


def _constraints(demand: Demand, node: NodeState, failure: Failure) -> Need:
    wrong = tuple(
        constraint_text(c)
        for c in demand.rules.constraints
        if not c.weight and not admits(c, node.facts.attribute(c.key))
    )
    return Need(failure.filter, ", ".join(wrong), _A_DEED * len(wrong), items=wrong)


def _volumes(_: Demand, __: NodeState, failure: Failure) -> Need:
    wrong = tuple(failure.detail.split(", "))
    names = ", ".join(each.split(" ")[1] for each in wrong)
    return Need(failure.filter, f"the data of volume {names}", _OUT_OF_HAND * len(wrong), items=wrong)


def _of_neighbours(_: Demand, __: NodeState, failure: Failure) -> Need:
    needs = tuple(each.text for each in failure.remedies)
    return Need(
        failure.filter, " and ".join(needs), _A_DEED * sum(each.deeds for each in failure.remedies), items=needs
    )


def _share(amount: int, capacity: int) -> float:
    return amount / capacity if capacity > 0 else _OUT_OF_HAND


def _quota(demand: Demand, _: NodeState, failure: Failure) -> Need:
    text = f"a larger quota of namespace {demand.namespace} ({failure.detail})"
    return Need(failure.filter, text, _OUT_OF_HAND)


_NEEDS: Mapping[str, Callable[[Demand, NodeState, Failure], Need]] = {
    "quota": _quota,
    "ready": _agent,
    "stopping": _stopping,
    "cordon": _uncordon,
    "taints": _taints,
    "selector": _labels,
    "cpu": _cpu,
    "memory": _memory,
    "disk": _disk,
    "generic": _generic,
    "ports": _ports,
    "constraints": _constraints,
    "volumes": _volumes,
    "affinity": _of_neighbours,
    "spread": _of_neighbours,
    "maxPerNode": _of_neighbours,
}
"""By the name of the filter; each has one."""
