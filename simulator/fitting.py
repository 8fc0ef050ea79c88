"""Where a task would fit, and what keeps it off each node: rules of the checker's own, over what the store holds."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from controlplane.cluster.demand import demand_of
from controlplane.cluster.rules import pinned_volumes
from controlplane.placement.quotas import Allowance, over
from simulator.contention import spent
from simulator.mirror import Mirror
from taskyard.objects import CONDITION_TAINTS, DRAIN_TAINT, MAINTENANCE_TAINT, NODE_NAME, Task
from taskyard.tolerations import patience

_PHRASES = {
    "ready": "not ready",
    "cordon": "cordoned",
    "taint": "tainted",
    "selector": "not matching the node selector",
    "constraint": "not meeting the constraints",
    "cpu": "too little cpu",
    "memory": "too little memory",
    "port": "with a host port taken",
    "volume": "without the data of its volumes",
    "quota": "beyond the namespace's quota",
}
"""As a Pending task's message tells of each obstacle, after a count of nodes."""


def obstacles(
    mirror: Mirror,
    task: Task,
    node: str,
    allowed: Allowance,
    *,
    besides: Sequence[Task] = (),
    without: Collection[str] = (),
) -> set[str]:
    """Names from `_PHRASES`; none: it fits, in the room that it holds there itself or besides all others, in what its
    namespace is allowed, `besides` what others would take there, `without` the uids of some."""
    lease = mirror.leases.get(node)
    demand, spec, uid = demand_of(task.spec), mirror.specs.get(node), task.metadata.uid
    beyond = allowed != Allowance() and _beyond(mirror, task, allowed, besides)
    if lease is None:
        return {"ready", "quota"} if beyond else {"ready"}
    labels = {**lease.labels, **(spec.labels if spec is not None else {})}
    cpu, memory = lease.capacity.cpu_millis, lease.capacity.memory_bytes
    ports: set[object] = set()
    there = [
        mirror.demands[node, other]
        for other in mirror.assignments.get(node, {})
        if other != uid and other not in without and not mirror.is_over(node, other)
    ]
    for taken in (*there, *(demand_of(other.spec) for other in besides)):
        cpu, memory, ports = cpu - taken.cpu, memory - taken.memory, ports.union(taken.ports)
    worked_on = [MAINTENANCE_TAINT] if spec is not None and spec.maintenance is not None else []
    drained = [DRAIN_TAINT] if lease.draining or (spec is not None and spec.drain is not None) else []
    taints = [
        *drained,
        *(spec.taints if spec is not None else ()),
        *worked_on,
        *(CONDITION_TAINTS[each.type] for each in lease.conditions),
    ]
    homes = {mirror.homes[name] for name in pinned_volumes(task.spec) if name in mirror.homes}
    found = {
        "volume": bool(homes - {node}),
        "cordon": spec is not None and spec.cordoned,
        "taint": any(
            taint.effect != "PreferNoSchedule" and patience(task.spec.tolerations, taint) != math.inf
            for taint in taints
        ),
        "selector": any(labels.get(name) != value for name, value in task.spec.node_selector.items()),
        "constraint": any((each.key, each.value) != (NODE_NAME, node) for each in task.spec.constraints),
        "cpu": demand.cpu > cpu,
        "memory": demand.memory > memory,
        "port": bool(ports.intersection(demand.ports)),
        "quota": beyond,
    }
    return {name for name, holds in found.items() if holds}


def _beyond(mirror: Mirror, task: Task, allowed: Allowance, besides: Sequence[Task]) -> bool:
    """Of its quota, besides what others that hold nothing yet would take of it."""
    namespace = task.metadata.namespace
    taken = spent(mirror, namespace, without={task.metadata.uid})
    for other in besides:
        if other.metadata.namespace == namespace and not mirror.holds(other.metadata.uid):
            taken = taken.plus(demand_of(other.spec))
    return bool(over(allowed, taken, demand_of(task.spec)))


def wrong_reason(message: str, found: list[set[str]]) -> str:
    """What the message of a Pending task says otherwise than the obstacles of all nodes; empty: it is true."""
    for name, phrase in _PHRASES.items():
        count = sum(name in obstacles_there for obstacles_there in found)
        said = re.search(rf"(\d+) {phrase}", message)
        if (int(said[1]) if said else 0) != count:
            return f"{count} {phrase}"
    return ""
