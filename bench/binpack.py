"""How well placement packs: nodes used on classic instances, and a day of arrivals next to Kubernetes' policies.

The instances are those of Falkenauer, "A Hybrid Grouping Genetic Algorithm for Bin Packing", Journal of Heuristics 2
(1996), by their published generators: uniform (bins of 150, items 20 to 100) and triplets (bins of 1,000, three items
fill one exactly). Nodes used beside the lower bound, best-fit and best-fit decreasing, with all items waiting at once
and with items that come one by one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from bench import a_day
from bench.packing import best_fit, lower_bound, triplets, uniform
from bench.report import Figure, Goal, Report
from controlplane.cluster import Demand
from controlplane.placement import NodeFacts, NodeState, Placer, Snapshot, Want
from taskyard.keys import NamedKey
from taskyard.objects import Amounts

INSTANCES = 5
"""Of each class in one repeat."""
_UNIT = 2**20
"""Bytes, and for cpu one millicore: an item is as large in both."""


def run(repeats: int) -> Report:
    figures: list[Figure] = []
    worse_at_once = worse_one_by_one = 0
    for name, size, make in CLASSES:
        rows: dict[str, list[float]] = {}
        for seed in range(repeats * INSTANCES):
            items = make(random.Random(f"{name} {seed}"))
            found = {
                "lower bound": lower_bound(items, size),
                "at once": at_once(items, size),
                "best-fit decreasing": best_fit(sorted(items, reverse=True), size),
                "one by one": one_by_one(items, size),
                "best-fit": best_fit(items, size),
            }
            worse_at_once += found["at once"] > found["best-fit decreasing"]
            worse_one_by_one += found["one by one"] > found["best-fit"]
            for row, value in found.items():
                rows.setdefault(row, []).append(value)
        figures += [Figure(f"{name} {row}", "nodes", samples) for row, samples in rows.items()]
    days = [a_day.run(seed) for seed in range(repeats)]
    figures += [
        Figure(f"a day, {policy}: {what}", "%", [100 * day[policy][what] for day in days])
        for policy in days[0]
        for what in days[0][policy]
    ]
    return Report(
        "binpack",
        figures,
        [
            Goal("instances worse than best-fit decreasing, all at once", worse_at_once, 0, "at most"),
            Goal("instances worse than best-fit, one by one", worse_one_by_one, 0, "at most"),
            Goal("placed in a day, binpack by MostAllocated", _ratio(days, "binpack", "MostAllocated"), 1, "at least"),
            Goal(
                "placed in a day, spread by LeastAllocated", _ratio(days, "spread", "LeastAllocated"), 0.97, "at least"
            ),
        ],
    )


CLASSES = [
    *((f"u{count}", 150, uniform(count)) for count in (120, 250, 500, 1000)),
    *((f"t{count}", 1000, triplets(count)) for count in (60, 120, 249, 501)),
]


def at_once(items: list[int], size: int) -> int:
    """Nodes used when all of them wait."""
    decisions = Placer().place(_nodes(len(items), size), _wants(items))
    assert all(decision.node for decision in decisions)
    return len({decision.node for decision in decisions})


def one_by_one(items: list[int], size: int) -> int:
    placer, snapshot = Placer(), _nodes(len(items), size)
    nodes = dict(snapshot.nodes)
    for want in _wants(items):
        snapshot = replace(snapshot, nodes=nodes)
        (decision,) = placer.place(snapshot, [want])
        assert decision.node is not None
        nodes[decision.node] = nodes[decision.node].charged(want.demand)
    return sum(node.tasks > 0 for node in nodes.values())


def _ratio(days: list[dict[str, dict[str, float]]], ours: str, theirs: str) -> float:
    return sum(day[ours]["placed"] for day in days) / sum(day[theirs]["placed"] for day in days)


def _wants(items: Iterable[int]) -> list[Want]:
    return [
        Want(NamedKey("default", f"t{at:05}"), f"{at:012x}", Demand(cpu=item, memory=item * _UNIT))
        for at, item in enumerate(items)
    ]


def _nodes(count: int, size: int) -> Snapshot:
    capacity = Amounts(cpu_millis=size, memory_bytes=size * _UNIT)
    states = {}
    for at in range(count):
        name = f"n{at:04}"
        facts = NodeFacts(name, True, 1, False, False, {}, (), capacity)
        states[name] = NodeState(facts, size, size * _UNIT, 0, size, size * _UNIT, frozenset(), 0)
    return Snapshot(1, states, "binpack")
