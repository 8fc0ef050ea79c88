"""The best moves, one after the other: each the one that gains most once those before it are done. Pure.

A move gains what the scheduler's score says: of the node that it goes to, less that of its own, both with the task on
them. Each move makes the two nodes more alike (or with `binpack` less), so they cannot go in circles; a task is moved
once. Tasks with equal demands on one node are interchangeable, and only one of them is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement import Held, Snapshot, explain
from controlplane.rebalance.movable import Movable

MIN_GAIN = 0.05
"""A twentieth of a node: below that a restart costs more than it is worth."""


@dataclass(frozen=True, slots=True)
class ProposedMove:
    task: Movable
    to: str
    before: float
    after: float
    """The scores of its node and of the other, with the task there."""

    @property
    def gain(self) -> float:
        return self.after - self.before


def best_moves(
    snapshot: Snapshot, tasks: Sequence[Movable], limit: int, min_gain: float = MIN_GAIN
) -> tuple[list[ProposedMove], Snapshot]:
    """At most `limit`, and the nodes as they are once all are done."""
    moves: list[ProposedMove] = []
    left = sorted(tasks, key=lambda task: task.key)
    while len(moves) < limit:
        move = _best(snapshot, left, min_gain)
        if move is None:
            break
        moves.append(move)
        left.remove(move.task)
        snapshot = moved(snapshot, move.task, move.to)
    return moves, snapshot


def moved(snapshot: Snapshot, task: Movable, to: str) -> Snapshot:
    nodes = dict(snapshot.nodes)
    nodes[task.node] = nodes[task.node].released(task.demand)
    nodes[to] = nodes[to].charged(task.demand)
    return snapshot.with_nodes(nodes)


def _best(snapshot: Snapshot, tasks: Sequence[Movable], min_gain: float) -> ProposedMove | None:
    """By what each node says to each demand as things are; the candidates are then held against the whole cluster
    without the task, since a rule may look at more than two nodes."""
    classes: dict[tuple[str, Demand], Movable] = {}
    for task in tasks:
        classes.setdefault((task.node, task.demand), task)
    offers = {demand: _scores(snapshot, demand) for demand in {demand for _, demand in classes}}
    candidates = []
    for (node, demand), task in classes.items():
        others = [score for other, score in offers[demand].items() if other != node]
        own = _own(snapshot, task)
        if own is not None and others and max(others) - own >= min_gain:
            candidates.append((own - max(others), task.key, task))
    for _, _, task in sorted(candidates, key=lambda candidate: candidate[:2]):
        move = _certain(snapshot, task)
        if move is not None and move.gain >= min_gain:
            return move
    return None


def _scores(snapshot: Snapshot, demand: Demand, held: Held | None = None) -> Mapping[str, float]:
    return {verdict.node: verdict.score for verdict in explain(snapshot, demand, held=held).fitting}


def _own(snapshot: Snapshot, task: Movable) -> float | None:
    """None where it would not be placed again: a cordoned node's tasks are left to whoever cordoned it."""
    node = snapshot.nodes.get(task.node)
    if node is None:
        return None
    if task.demand.rules.by_neighbours:
        return _scores(snapshot, task.demand, Held(task.node, task.demand)).get(task.node)
    alone = snapshot.with_nodes({task.node: node.released(task.demand)})
    return _scores(alone, task.demand).get(task.node)


def _certain(snapshot: Snapshot, task: Movable) -> ProposedMove | None:
    fitting = explain(snapshot, task.demand, held=Held(task.node, task.demand)).fitting
    own = next((verdict for verdict in fitting if verdict.node == task.node), None)
    best = next((verdict for verdict in fitting if verdict.node != task.node), None)
    return ProposedMove(task, best.node, own.score, best.score) if own is not None and best is not None else None
