"""Clusters and batches made up by hypothesis, with every rule that a task can have."""

from __future__ import annotations

import random

from hypothesis import strategies as st
from msgspec import structs

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.cluster.rules import Affinity, Constraint, Neighbours, Rules, Spread
from controlplane.placement import Held, Snapshot, Want
from controlplane.placement.quotas import Allowance
from taskyard.keys import NamedKey
from taskyard.objects import NODE_NAME, Taint
from tests.controlplane.placement.nodes import GI, MI, a_node

HTTP = HostPortKey("tcp", 80)
_WEB, _DB = (("app", "web"),), (("app", "db"),)


def want(
    name: str,
    demand: Demand | None = None,
    *,
    priority: int = 0,
    created_at: str = "",
    current: str = "",
    held: Held | None = None,
) -> Want:
    return Want(NamedKey("default", name), name, demand or Demand(), priority, created_at, current, held)


_weights = st.sampled_from([0, 0, 1, 50])
_constraints = st.sampled_from(
    [
        Constraint("zone", "=", ("a",)),
        Constraint("zone", "!=", ("a",)),
        Constraint("zone", "in", ("a", "b")),
        Constraint("zone", "not in", ("b",)),
        Constraint("disk", "exists"),
        Constraint("disk", "does not exist"),
        Constraint("node.cpu", ">", ("2",)),
        Constraint("node.memory", "<", ("2Gi",)),
        Constraint("kernel", "version", (">= 5.10, < 6",)),
        Constraint("node.name", "regexp", ("n[1-3]",)),
        Constraint("node.name", "in", ("n2", "n4")),
    ]
)
_neighbours = st.builds(Neighbours, st.sampled_from([_WEB, _DB, ()]), st.sampled_from([NODE_NAME, "zone"]))
_rules = st.one_of(
    st.just(Rules()),
    st.just(Rules()),
    st.builds(
        Rules,
        constraints=st.lists(st.builds(lambda c, w: c._replace(weight=w), _constraints, _weights), max_size=3).map(
            tuple
        ),
        tolerations=st.sampled_from([(), (("gpu", "Exists", "", ""),), (("", "Exists", "", "PreferNoSchedule"),)]),
        affinities=st.lists(st.builds(Affinity, _neighbours, st.booleans(), _weights), max_size=2).map(tuple),
        spreads=st.lists(st.builds(Spread, _neighbours, st.integers(1, 2), _weights), max_size=2).map(tuple),
        max_per_node=st.sampled_from([0, 0, 1, 2]),
        volumes=st.sampled_from([(), (), ("data",), ("data", "logs")]),
    ),
)
demands = st.builds(
    Demand,
    cpu=st.sampled_from([0, 100, 500, 1500]),
    memory=st.sampled_from([0, 64 * MI, GI]),
    disk=st.sampled_from([0, 0, GI]),
    ports=st.sampled_from([(), (), (HTTP,), (HTTP, HostPortKey("udp", 53))]),
    selector=st.sampled_from([(), (), (("zone", "a"),)]),
    generic=st.sampled_from([(), (), (("gpu", 1),), (("gpu", 2), ("tpu", 1))]),
    rules=_rules,
    strategy=st.sampled_from(["", "spread", "binpack"]),
    image=st.sampled_from(["", "web:1", "db:2"]),
    namespace=st.sampled_from(["default", "default", "other"]),
    labels=st.sampled_from([(), _WEB, _DB]),
)
plain_demands = st.builds(
    Demand,
    cpu=st.sampled_from([0, 100, 500, 1500]),
    memory=st.sampled_from([0, 64 * MI, GI]),
    disk=st.sampled_from([0, GI]),
    generic=st.sampled_from([(), (("gpu", 1),)]),
)
nodes = st.builds(
    a_node,
    st.sampled_from(["n1", "n2", "n3", "n4", "n5"]),
    cpu=st.sampled_from([1000, 4000]),
    memory=st.sampled_from([GI, GI + 3 * MI, 4 * GI]),
    disk=st.sampled_from([0, 2 * GI]),
    used=st.builds(Demand, cpu=st.integers(0, 2000), ports=st.sampled_from([(), (HTTP,)])),
    labels=st.sampled_from([{}, {"zone": "a"}, {"zone": "b", "disk": "ssd"}, {"zone": "c", "kernel": "5.15.1"}]),
    ready=st.sampled_from([True, True, True, False]),
    stopping=st.sampled_from([False, False, False, True]),
    cordoned=st.sampled_from([False, False, False, True]),
    taints=st.sampled_from([(), (), (Taint(key="gpu"),), (Taint(key="old", effect="PreferNoSchedule"),)]),
    generic=st.sampled_from([{}, {"gpu": 2}, {"gpu": 4, "tpu": 1}]),
    images=st.sampled_from([frozenset(), frozenset({"web:1"}), frozenset({"web:1", "db:2"})]),
    tenants=st.lists(demands, max_size=2).map(tuple),
)
snapshots = st.builds(
    lambda found, strategy, quotas, volumes: Snapshot(1, {n.facts.name: n for n in found}, strategy, quotas, volumes),
    st.lists(nodes, max_size=5),
    st.sampled_from(["spread", "binpack"]),
    st.sampled_from([{}, {}, {"default": Allowance(cpu=2000, tasks=8)}, {"other": Allowance(memory=GI)}]),
    st.sampled_from([{}, {}, {NamedKey("default", "data"): "n1"}, {NamedKey("default", "logs"): "n9"}]),
)
batches = st.lists(st.tuples(demands, st.integers(0, 2)), max_size=12).map(
    lambda asked: [want(f"t{i:02}", demand, priority=priority) for i, (demand, priority) in enumerate(asked)]
)


def a_few_services(chance: random.Random) -> tuple[Snapshot, list[Want]]:
    """Many tasks of few kinds on nodes of which many are equal, until some are full; every few of them gives room back
    as it moves."""
    kinds = [Demand(cpu=chance.choice([0, 100, 250]), memory=chance.choice([0, 64 * MI, 256 * MI])) for _ in range(3)]
    kinds = [
        structs.replace(kind, image=chance.choice(["", "web:1"]), selector=chance.choice([(), (("zone", "a"),)]))
        for kind in kinds
    ]
    found = [
        a_node(
            f"n{number}",
            cpu=chance.choice([1000, 2000]),
            memory=chance.choice([GI, 2 * GI]),
            labels={"zone": chance.choice("ab")},
            images=frozenset(chance.choice([(), (), ("web:1",)])),
            tenants=tuple(chance.choices(kinds, k=chance.randrange(3))),
        )
        for number in range(8)
    ]
    held = [Held(node.facts.name, tenant) for node in found for tenant in node.tenants]
    chance.shuffle(held)
    batch = []
    for number in range(40):
        mine = held.pop() if held and not chance.randrange(6) else None
        batch.append(want(f"t{number:02}", chance.choice(kinds), held=mine))
    return Snapshot(1, {node.facts.name: node for node in found}), batch
