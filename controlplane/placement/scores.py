"""Which of the nodes that fit is best: an ordered table of scores, summed by weight. Pure.

The weights are far enough apart that a later row only decides between nodes that are equal in the earlier ones. Where
all are equal, the node with fewer tasks is taken, then the larger, then the first by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.cluster.rules import Affinity, Spread
from controlplane.placement.around import Around
from controlplane.placement.comparing import admits
from controlplane.placement.nodes import NodeState
from controlplane.placement.shares import IMAGE_POINTS, POINTS, level

_STICKY, _WELCOME, _PREFERRED = 10_000_000.0, 1_000_000.0, 10.0
WELCOME_RANK = int(_WELCOME / _PREFERRED)
"""Above any sum of preferences."""
UNEVEN_AT_MOST = 10
"""Tasks beyond the skew that count against a node; more make no difference, and a node without the label is as bad."""


@dataclass(frozen=True, slots=True)
class Score:
    """`of(demand, node, around, current)`: `current` is True for the node that the task is on already."""

    name: str
    weight: float
    of: Callable[[Demand, NodeState, Around, bool], float]


def total(demand: Demand, node: NodeState, around: Around, current: bool = False) -> float:
    return sum(score.weight * score.of(demand, node, around, current) for score in SCORES)


def parts(demand: Demand, node: NodeState, around: Around, current: bool = False) -> dict[str, float]:
    """What `total` is the sum of, by the score's name."""
    return {score.name: score.weight * score.of(demand, node, around, current) for score in SCORES}


def _sticky(_demand: Demand, _node: NodeState, _around: Around, current: bool) -> float:
    """Its image, its named volumes and its page cache are there."""
    return 1.0 if current else 0.0


def _welcome(demand: Demand, node: NodeState, _around: Around, _current: bool) -> float:
    soft = (t for t in node.facts.taints if t.effect == "PreferNoSchedule" and not demand.rules.tolerates(t))
    return 0.0 if any(soft) else 1.0


def _preferred(demand: Demand, node: NodeState, around: Around, _current: bool) -> float:
    """The weights of the soft rules that it meets, less those of tasks that it would be near to and should not."""
    rules = demand.rules
    points = sum(c.weight for c in rules.constraints if c.weight and admits(c, node.facts.attribute(c.key)))
    points += sum(_near(demand, term, node, around) for term in rules.affinities if term.weight)
    return points - sum(_uneven(demand, rule, node, around) for rule in rules.spreads if rule.weight)


def _near(demand: Demand, term: Affinity, node: NodeState, around: Around) -> int:
    if not around.near(demand.namespace, term.neighbours, node):
        return 0
    return -term.weight if term.apart else term.weight


def _uneven(demand: Demand, rule: Spread, node: NodeState, around: Around) -> int:
    count = around.near(demand.namespace, rule.neighbours, node)
    if count is None:
        return rule.weight * UNEVEN_AT_MOST
    return rule.weight * max(0, min(UNEVEN_AT_MOST, count + 1 - around.least(demand, rule) - rule.max_skew))


def _room(demand: Demand, node: NodeState, around: Around, _current: bool) -> float:
    """spread: the mean of the shares of cpu and of memory that are free. binpack: of those that are not. An image that
    is there already counts a little."""
    free = level(node.facts.capacity, node.nominal_cpu, node.nominal_memory)
    points = free if (demand.strategy or around.strategy) == "spread" else POINTS - free
    return (points + (IMAGE_POINTS if demand.image in node.facts.images else 0)) / POINTS


SCORES: tuple[Score, ...] = (
    Score("sticky", _STICKY, _sticky),
    Score("welcome", _WELCOME, _welcome),
    Score("preferred", _PREFERRED, _preferred),
    Score("room", 1.0, _room),
)


def score_of(rank: int, points: int, *, current: bool = False) -> float:
    """The same total from what a search has: `rank` is WELCOME_RANK where the node is that, and what is preferred."""
    return rank * _PREFERRED + points / POINTS + (_STICKY if current else 0.0)
