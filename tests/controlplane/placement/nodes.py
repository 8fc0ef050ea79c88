"""Nodes made up for the tests of placement."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.cluster import Demand
from controlplane.placement import NodeFacts, NodeState, Snapshot
from taskyard.objects import Amounts, Taint

MI = 2**20
GI = 2**30


def a_node(
    name: str,
    *,
    cpu: int = 4000,
    memory: int = 4 * GI,
    disk: int = 100 * GI,
    used: Demand | None = None,
    labels: Mapping[str, str] | None = None,
    ready: bool = True,
    stopping: bool = False,
    cordoned: bool = False,
    taints: tuple[Taint, ...] = (),
    generic: dict[str, int] | None = None,
    images: frozenset[str] = frozenset(),
    tenants: tuple[Demand, ...] = (),
) -> NodeState:
    facts = NodeFacts(
        name=name,
        ready=ready,
        life=7 if ready else 0,
        stopping=ready and stopping,
        cordoned=cordoned,
        labels=labels or {},
        taints=taints,
        capacity=Amounts(cpu_millis=cpu, memory_bytes=memory, disk_bytes=disk, generic=generic or {}),
        images=images,
    )
    empty = NodeState(facts, cpu, memory, disk, cpu, memory, frozenset(), 0, generic or {})
    for demand in (*tenants, *([used] if used is not None else [])):
        empty = empty.charged(demand)
    return empty


def a_snapshot(*nodes: NodeState) -> Snapshot:
    return Snapshot(1, {node.facts.name: node for node in nodes})
