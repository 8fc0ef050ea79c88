"""Which of the nodes that fit is best: an ordered table of scores, each 0 to 1, summed by weight. Pure.

The weights are far enough apart that a later row only decides between nodes that are equal in the earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.nodes import NodeState

_WELCOME = 10.0
_ALWAYS = -(2**62)
"""In place of nothing asked for: that fits also where less than nothing is free."""


@dataclass(frozen=True, slots=True)
class Score:
    """`of(demand, node, current)`: `current` is True for the node that the task is on already."""

    name: str
    weight: float
    of: Callable[[Demand, NodeState, bool], float]


def total(demand: Demand, node: NodeState, current: bool = False) -> float:
    return sum(score.weight * score.of(demand, node, current) for score in SCORES)


def parts(demand: Demand, node: NodeState, current: bool = False) -> dict[str, float]:
    """What `total` is the sum of, by the score's name."""
    return {score.name: score.weight * score.of(demand, node, current) for score in SCORES}


Ranked = tuple[float, int, str, NodeState]
"""Smaller is better: minus the score, then fewer tasks, then the name, so that equal nodes never depend on luck."""


def rank_fitting(demand: Demand, nodes: Iterable[NodeState]) -> list[Ranked]:
    """Those of these open, selected nodes that the demand fits on, with their scores, in no order.

    `fits` and `total` for a node that the task is not on yet, in one loop: this is where decisions spend their time.
    """
    cpu, memory, disk = demand.cpu or _ALWAYS, demand.memory or _ALWAYS, demand.disk or _ALWAYS
    ports, nominal_cpu, nominal_memory = demand.ports, demand.nominal_cpu, demand.nominal_memory
    ranked: list[Ranked] = []
    for node in nodes:
        if (
            cpu <= node.cpu
            and memory <= node.memory
            and disk <= node.disk
            and (not ports or node.ports.isdisjoint(ports))
        ):
            facts = node.facts
            score = (node.nominal_cpu - nominal_cpu) * facts.cpu_weight
            score += (node.nominal_memory - nominal_memory) * facts.memory_weight
            if not facts.discouraging:
                score += _WELCOME
            ranked.append((-score, node.tasks, facts.name, node))
    return ranked


def _sticky(_demand: Demand, _node: NodeState, current: bool) -> float:
    """Its image, its named volumes and its page cache are there."""
    return 1.0 if current else 0.0


def _welcome(_demand: Demand, node: NodeState, _current: bool) -> float:
    return 0.0 if node.facts.discouraging else 1.0


def _spread(demand: Demand, node: NodeState, _current: bool) -> float:
    """The mean share of cpu and of memory that stays free with the task there; below 0 when they are promised twice."""
    cpu = (node.nominal_cpu - demand.nominal_cpu) * node.facts.cpu_weight
    return cpu + (node.nominal_memory - demand.nominal_memory) * node.facts.memory_weight


SCORES: tuple[Score, ...] = (
    Score("sticky", 100.0, _sticky),
    Score("welcome", _WELCOME, _welcome),
    Score("spread", 1.0, _spread),
)
