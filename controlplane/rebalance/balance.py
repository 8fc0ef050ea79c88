"""How even, and how full, the nodes are: what the moves are for, in two numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import pstdev

from controlplane.placement import NodeState, Snapshot


@dataclass(frozen=True, slots=True)
class Balance:
    """`unevenness`: standard deviation over the nodes of the share in use, 0 to 0.5. `empty`: nodes without a task."""

    unevenness: float
    empty: int


def balance_of(snapshot: Snapshot) -> Balance:
    """Over the nodes that take tasks."""
    nodes = [node for node in snapshot.nodes.values() if node.facts.open]
    used = [_used(node) for node in nodes]
    return Balance(pstdev(used) if used else 0.0, sum(node.tasks == 0 for node in nodes))


def _used(node: NodeState) -> float:
    """The mean of the shares of cpu and memory that are promised."""
    capacity = node.facts.capacity
    free = [
        left / whole
        for left, whole in ((node.nominal_cpu, capacity.cpu_millis), (node.nominal_memory, capacity.memory_bytes))
        if whole > 0
    ]
    return 1.0 - sum(free) / len(free) if free else 1.0
