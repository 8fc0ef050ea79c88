"""Whether any node there is could hold a task with nothing else on it: else its place in line says nothing. Pure."""

from __future__ import annotations

import msgspec

from controlplane.cluster import Demand
from controlplane.placement import Explanation, NodeState, NodeVerdict, Snapshot, explain
from controlplane.why.needs import Change, smallest_changes

_LASTING = frozenset({"quota", "selector", "constraints", "cpu", "memory", "disk", "generic", "volumes"})
"""Filters that refuse for what a node is, or a namespace may have; what others refuse for passes, or is taken back."""


def nearest_to_ever(snapshot: Snapshot, demand: Demand) -> Change | None:
    """The smallest change with which an empty node would hold it; None where one would, or may once its agent is back
    and says what it has, and where there is no node."""
    if not all(node.facts.ready for node in snapshot.nodes.values()):
        return None
    nodes = {name: _emptied(node) for name, node in snapshot.nodes.items()}
    empty = snapshot.with_nodes(nodes)
    lasting = Explanation(tuple(map(_lasting, explain(empty, demand).nodes)))
    return None if lasting.fits else next(iter(smallest_changes(empty, demand, lasting, 1)), None)


def _lasting(verdict: NodeVerdict) -> NodeVerdict:
    return msgspec.structs.replace(verdict, failures=tuple(f for f in verdict.failures if f.filter in _LASTING))


def _emptied(node: NodeState) -> NodeState:
    capacity = node.facts.capacity
    return NodeState(
        facts=node.facts,
        cpu=capacity.cpu_millis,
        memory=capacity.memory_bytes,
        disk=capacity.disk_bytes,
        nominal_cpu=capacity.cpu_millis,
        nominal_memory=capacity.memory_bytes,
        ports=frozenset(),
        tasks=0,
        generic=capacity.generic,
    )
