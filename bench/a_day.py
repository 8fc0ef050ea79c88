"""A day of tasks that come and go on nodes of mixed shapes, under our strategies and under Kubernetes' two.

LeastAllocated and MostAllocated are written out as its NodeResourcesFit scores them: the mean of the free, or of the
requested, shares of cpu and memory with the pod there, in whole hundredths, the first of the best nodes. A task that
finds no room when it comes waits for nothing: it counts as not placed.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from controlplane.cluster import Demand
from controlplane.placement import NodeFacts, NodeState, Placer, Snapshot, Want
from taskyard.keys import NamedKey
from taskyard.objects import Amounts

_GI = 2**30
_HOURS = 24
_LARGE = Demand(cpu=8000, memory=32 * _GI)
"""What free room is worth is measured by how many of these it would take."""
_NODES = ((8, 32), (16, 64), (16, 128), (32, 64))
_TASKS = ((500, 1, 40), (1000, 4, 25), (2000, 4, 15), (4000, 8, 8), (1000, 16, 7), (8000, 32, 5))
"""Millicores, GiB, and how often."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    at: float
    """Hours."""
    lasts: float
    demand: Demand


Choose = Callable[[dict[str, NodeState], Demand], str | None]


def run(seed: int) -> dict[str, dict[str, float]]:
    """Policy → shares: of tasks placed (by their cores), of cores used over time, and of free cores in large pieces."""
    arrivals = _arrivals(random.Random(seed))
    return {
        "spread": _live(arrivals, _ours("spread")),
        "LeastAllocated": _live(arrivals, _kubernetes(least=True)),
        "binpack": _live(arrivals, _ours("binpack")),
        "MostAllocated": _live(arrivals, _kubernetes(least=False)),
    }


def _arrivals(chance: random.Random) -> list[_Arrival]:
    """The rate goes up and down once in the day; most tasks are short, some stay for all of it."""
    found: list[_Arrival] = []
    now = 0.0
    shapes, weights = [shape[:2] for shape in _TASKS], [shape[2] for shape in _TASKS]
    while True:
        rate = 220 * (1 + 0.6 * math.sin(2 * math.pi * now / _HOURS))
        now += chance.expovariate(rate)
        if now > _HOURS:
            return found
        cpu, memory = chance.choices(shapes, weights)[0]
        found.append(_Arrival(now, chance.lognormvariate(0.3, 1.0), Demand(cpu=cpu, memory=memory * _GI)))


def _live(arrivals: list[_Arrival], choose: Choose) -> dict[str, float]:
    nodes = _cluster()
    capacity = sum(node.cpu for node in nodes.values())
    ending: list[tuple[float, int, str, Demand]] = []
    placed = asked = used = pieces = before = 0.0
    for number, task in enumerate(arrivals):
        while ending and ending[0][0] <= task.at:
            _, _, name, demand = heapq.heappop(ending)
            nodes[name] = nodes[name].released(demand)
        free = sum(node.cpu for node in nodes.values())
        span, before = task.at - before, task.at
        used += span * (capacity - free) / capacity
        pieces += span * min(1.0, sum(_pieces(node) for node in nodes.values()) * _LARGE.cpu / max(free, 1))
        asked += task.demand.cpu
        chosen = choose(nodes, task.demand)
        if chosen is not None:
            placed += task.demand.cpu
            nodes[chosen] = nodes[chosen].charged(task.demand)
            heapq.heappush(ending, (task.at + task.lasts, number, chosen, task.demand))
    return {"placed": placed / asked, "used": used / before, "free in large pieces": pieces / before}


def _pieces(node: NodeState) -> int:
    return max(0, min(node.cpu // _LARGE.cpu, node.memory // _LARGE.memory))


def _ours(strategy: str) -> Choose:
    placer, empty = Placer(), Snapshot(1, {}, strategy)

    def choose(nodes: dict[str, NodeState], demand: Demand) -> str | None:
        want = Want(NamedKey("default", "t"), "000000000000", demand)
        return placer.place(replace(empty, nodes=dict(nodes)), [want])[0].node

    return choose


def _kubernetes(*, least: bool) -> Choose:
    def choose(nodes: dict[str, NodeState], demand: Demand) -> str | None:
        best, chosen = -1, None
        for name, node in nodes.items():
            if demand.cpu > node.cpu or demand.memory > node.memory:
                continue
            capacity = node.facts.capacity
            cpu = (node.cpu - demand.cpu) * 100 // capacity.cpu_millis
            memory = (node.memory - demand.memory) * 100 // capacity.memory_bytes
            score = (cpu + memory) // 2 if least else (200 - cpu - memory) // 2
            if score > best:
                best, chosen = score, name
        return chosen

    return choose


def _cluster() -> dict[str, NodeState]:
    nodes = {}
    for at in range(60):
        cores, memory = _NODES[at % len(_NODES)]
        capacity = Amounts(cpu_millis=cores * 1000, memory_bytes=memory * _GI)
        name = f"n{at:02}"
        facts = NodeFacts(name, True, 1, False, False, {}, (), capacity)
        nodes[name] = NodeState(
            facts,
            capacity.cpu_millis,
            capacity.memory_bytes,
            0,
            capacity.cpu_millis,
            capacity.memory_bytes,
            frozenset(),
            0,
        )
    return nodes
