"""Decisions alone, one core, no store: a `Placer` beside a plain numpy filter-and-score of every node.

Two loads: every task different, with mixed constraints, and tasks of 100 services. Both sides decide on the same nodes
and tasks, one task after the other, each charging what it has placed, and take turns in one run. The placer is a
scheduler's: it has seen these nodes and other tasks before. Processor time is what counts, the best of three tries in
each repeat, as the machine may have other things to do; what is there already is out of the garbage collector's sight
on both sides.
"""

from __future__ import annotations

import gc
import random
import statistics
import time

import numpy as np

from bench.report import Figure, Goal, Report
from controlplane.cluster import Demand
from controlplane.cluster.rules import Constraint, Rules
from controlplane.placement import NodeFacts, NodeState, Placer, Snapshot, Want
from taskyard.keys import NamedKey
from taskyard.objects import Amounts, Taint

NODES = 5_000
_TRIES = 3
TASKS = 5_000
"""Of each load; about what the nodes take when a third of them is full."""
_GI = 2**30
_MI = 2**20
_SHAPES = ((8, 32), (16, 64), (32, 128), (64, 256))
"""Cores and GiB."""
_ZONES, _DISKS, _RACKS = "abcde", ("ssd", "hdd"), 100
_GPU = Taint(key="gpu", value="only")


def run(repeats: int) -> Report:
    different: list[float] = []
    services: list[float] = []
    plain: list[float] = []
    plain_services: list[float] = []
    growth: list[float] = []
    began: list[float] = []
    for repeat in range(repeats):
        snapshot = a_cluster(NODES, repeat)
        mixed, grouped = tasks(TASKS, TASKS, repeat), tasks(TASKS, 100, repeat)
        different.append(max(ours(snapshot, mixed, began) for _ in range(_TRIES)))
        plain.append(max(numpys(snapshot, mixed) for _ in range(_TRIES)))
        services.append(max(ours(snapshot, grouped, began) for _ in range(_TRIES)))
        plain_services.append(max(numpys(snapshot, grouped) for _ in range(_TRIES)))
        few, many = a_cluster(NODES // 10, repeat), tasks(1000, 1000, repeat)
        small, large = (max(ours(each, many, []) for _ in range(_TRIES)) for each in (few, snapshot))
        growth.append(small / large)
    return Report(
        "decide",
        [
            Figure("every task different, 5,000 nodes", "decisions/s", different),
            Figure("numpy on the same, every task different", "decisions/s", plain),
            Figure("tasks of 100 services, 5,000 nodes", "decisions/s", services),
            Figure("numpy on the same, tasks of 100 services", "decisions/s", plain_services),
            Figure("cost at 5,000 nodes by that at 500", "times", growth),
            Figure("the first look at 5,000 nodes", "ms", began),
        ],
        [
            Goal("every task different", statistics.median(different), 15_000, "at least", "/s"),
            Goal("tasks of 100 services", statistics.median(services), 50_000, "at least", "/s"),
            Goal("as nodes grow 10 times, cost grows", statistics.median(growth), 3, "at most", "times"),
        ],
    )


def ours(snapshot: Snapshot, wants: list[Want], began: list[float]) -> float:
    """Decisions a second. The placer has seen the nodes before; how long that took goes to `began`, in ms."""
    placer = Placer()
    start = time.process_time()
    placer.place(snapshot, [])
    began.append((time.process_time() - start) * 1000)
    placer.place(snapshot, tasks(500, 500, -1))
    _leave_the_collector_nothing()
    start = time.process_time()
    decisions = placer.place(snapshot, wants)
    took = time.process_time() - start
    assert sum(decision.node is not None for decision in decisions) > len(wants) * 0.9
    return len(wants) / took


def _leave_the_collector_nothing() -> None:
    """But what the decisions themselves make."""
    gc.collect()
    gc.freeze()


def a_cluster(count: int, seed: int) -> Snapshot:
    chance = random.Random(seed)
    nodes = {}
    for number in range(count):
        cores, memory = chance.choice(_SHAPES)
        name = f"n{number:05}"
        capacity = Amounts(cpu_millis=cores * 1000, memory_bytes=memory * _GI - number * 4096, disk_bytes=1000 * _GI)
        facts = NodeFacts(
            name=name,
            ready=True,
            life=1,
            stopping=False,
            cordoned=number % 50 == 0,
            labels={
                "zone": chance.choice(_ZONES),
                "disk": chance.choice(_DISKS),
                "rack": f"r{chance.randrange(_RACKS)}",
                "kernel": chance.choice(("5.10.0", "5.15.2", "6.1.0")),
            },
            taints=(_GPU,) if number % 20 == 0 else (),
            capacity=capacity,
        )
        state = NodeState(
            facts,
            capacity.cpu_millis,
            capacity.memory_bytes,
            capacity.disk_bytes,
            capacity.cpu_millis,
            capacity.memory_bytes,
            frozenset(),
            0,
        )
        share = chance.uniform(0, 0.6)
        used = Demand(cpu=int(capacity.cpu_millis * share), memory=int(capacity.memory_bytes * share), disk=_GI)
        nodes[name] = state.charged(used)
    return Snapshot(1, nodes)


def tasks(count: int, kinds: int, seed: int) -> list[Want]:
    """So many different ones, over and over."""
    chance = random.Random(seed + 1000)
    demands = [_demand(chance, kind) for kind in range(kinds)]
    return [
        Want(NamedKey("default", f"t{number:06}"), f"{number:012x}", demands[number % kinds]) for number in range(count)
    ]


def _demand(chance: random.Random, kind: int) -> Demand:
    selector = (("zone", chance.choice(_ZONES)),) if chance.random() < 0.3 else ()
    constraints = []
    if chance.random() < 0.3:
        constraints.append(Constraint("disk", "=", (chance.choice(_DISKS),)))
    if chance.random() < 0.2:
        constraints.append(Constraint("rack", "!=", (f"r{chance.randrange(_RACKS)}",)))
    if chance.random() < 0.2:
        constraints.append(Constraint("kernel", "version", (">= 5.15",)))
    tolerations = (("gpu", "Exists", "", ""),) if chance.random() < 0.1 else ()
    rules = Rules(constraints=tuple(constraints), tolerations=tolerations)
    return Demand(
        cpu=chance.randrange(10, 2000),
        memory=chance.randrange(16, 4096) * _MI,
        disk=chance.choice((0, 0, _GI)),
        selector=selector,
        rules=rules,
        labels=(("app", f"a{kind}"),),
        namespace="default",
        image=f"registry.example.com/app{kind % 50}:1",
    )


def numpys(snapshot: Snapshot, wants: list[Want]) -> float:
    """Decisions a second with nothing cached but the arrays."""
    states = [snapshot.nodes[name] for name in sorted(snapshot.nodes)]
    free = np.array([[s.cpu for s in states], [s.memory for s in states], [s.disk for s in states]], dtype=np.float64)
    weight_cpu = np.array([0.5 / s.facts.capacity.cpu_millis for s in states])
    weight_memory = np.array([0.5 / s.facts.capacity.memory_bytes for s in states])
    is_open = np.array([s.facts.open for s in states])
    tainted = np.array([bool(s.facts.taints) for s in states])
    labels = {key: np.array([s.facts.labels[key] for s in states]) for key in ("zone", "disk", "rack", "kernel")}
    codes, values = {}, {}
    for key, column in labels.items():
        names, codes[key] = np.unique(column, return_inverse=True)
        values[key] = {str(name): code for code, name in enumerate(names)}
    recent = (codes["kernel"] == values["kernel"]["5.15.2"]) | (codes["kernel"] == values["kernel"]["6.1.0"])
    _leave_the_collector_nothing()
    start = time.process_time()
    for want in wants:
        demand = want.demand
        fits = is_open & (free[0] >= demand.cpu) & (free[1] >= demand.memory) & (free[2] >= demand.disk)
        if not demand.rules.tolerations:
            fits &= ~tainted
        for key, value in demand.selector:
            fits &= codes[key] == values[key][value]
        for constraint in demand.rules.constraints:
            if constraint.operator == "version":
                fits &= recent
            elif constraint.operator == "=":
                fits &= codes[constraint.key] == values[constraint.key][constraint.values[0]]
            else:
                fits &= codes[constraint.key] != values[constraint.key].get(constraint.values[0], -1)
        score = (free[0] - demand.cpu) * weight_cpu + (free[1] - demand.memory) * weight_memory
        best = int(np.argmax(np.where(fits, score, -np.inf)))
        if fits[best]:
            free[0, best] -= demand.cpu
            free[1, best] -= demand.memory
            free[2, best] -= demand.disk
    return len(wants) / (time.process_time() - start)
