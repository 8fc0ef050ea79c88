"""Which of the nodes that fit is best: an ordered table of scores, each 0 to 1, summed by weight. Pure.

The weights are far enough apart that a later row only decides between nodes that are equal in the earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.nodes import NodeState


@dataclass(frozen=True, slots=True)
class Score:
    """`of(demand, node, current)`: `current` is True for the node that the task is on already."""

    name: str
    weight: float
    of: Callable[[Demand, NodeState, bool], float]


def total(demand: Demand, node: NodeState, current: bool = False) -> float:
    return sum(score.weight * score.of(demand, node, current) for score in SCORES)


def preference(demand: Demand, node: NodeState, current: bool = False) -> tuple[float, int, str]:
    """Smaller is better: the score, then fewer tasks, then the name, so that equal nodes never depend on luck."""
    return -total(demand, node, current), node.tasks, node.facts.name


def _sticky(_demand: Demand, _node: NodeState, current: bool) -> float:
    """Its image, its named volumes and its page cache are there."""
    return 1.0 if current else 0.0


def _welcome(_demand: Demand, node: NodeState, _current: bool) -> float:
    return 0.0 if node.facts.discouraging else 1.0


def _spread(demand: Demand, node: NodeState, _current: bool) -> float:
    """The mean share of cpu and of memory that stays free with the task there."""
    capacity = node.facts.capacity
    cpu = (node.nominal_cpu - demand.nominal_cpu) / capacity.cpu_millis if capacity.cpu_millis > 0 else 0.0
    memory = (node.nominal_memory - demand.nominal_memory) / capacity.memory_bytes if capacity.memory_bytes > 0 else 0.0
    return (max(cpu, 0.0) + max(memory, 0.0)) / 2


SCORES: tuple[Score, ...] = (
    Score("sticky", 100.0, _sticky),
    Score("welcome", 10.0, _welcome),
    Score("spread", 1.0, _spread),
)
