"""A node as placement sees it: facts that rarely change, and the room that every placement changes.

Immutable: charging a node gives a new one, so a batch is tried on a copy that costs nothing to throw away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from taskyard.objects import Amounts, Taint


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """`open`: nothing about the node itself forbids placing there, whatever the task asks for. The fields that follow
    from others are worked out once, since each decision reads them for every node."""

    name: str
    ready: bool
    """Its agent's lease is there. Without it the capacity is not known either."""
    life: int
    """Create revision of that lease, which a binding compares; 0 when there is none."""
    runtime_ready: bool
    stopping: bool
    """Its agent is on its way out."""
    cordoned: bool
    labels: Mapping[str, str]
    forbidding: tuple[Taint, ...]
    """Effects NoSchedule and NoExecute."""
    discouraging: tuple[Taint, ...]
    """Effect PreferNoSchedule."""
    capacity: Amounts

    open: bool = field(init=False)
    cpu_weight: float = field(init=False)
    memory_weight: float = field(init=False)
    """Half of one over the capacity: what a millicore or a byte counts for in the mean share that is free."""

    def __post_init__(self) -> None:
        cpu, memory = self.capacity.cpu_millis, self.capacity.memory_bytes
        is_open = self.ready and self.runtime_ready and not (self.stopping or self.cordoned or self.forbidding)
        object.__setattr__(self, "open", is_open)
        object.__setattr__(self, "cpu_weight", 0.5 / cpu if cpu > 0 else 0.0)
        object.__setattr__(self, "memory_weight", 0.5 / memory if memory > 0 else 0.0)


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is free: millicores, bytes, bytes. Negative when a node reports less than it was given."""

    facts: NodeFacts
    cpu: int
    memory: int
    disk: int
    nominal_cpu: int
    nominal_memory: int
    """Free when tasks that state nothing count for something: for scores only."""
    ports: frozenset[HostPortKey]
    """Taken."""
    tasks: int

    def charged(self, demand: Demand) -> NodeState:
        return NodeState(
            self.facts,
            self.cpu - demand.cpu,
            self.memory - demand.memory,
            self.disk - demand.disk,
            self.nominal_cpu - demand.nominal_cpu,
            self.nominal_memory - demand.nominal_memory,
            self.ports.union(demand.ports) if demand.ports else self.ports,
            self.tasks + 1,
        )

    def released(self, demand: Demand) -> NodeState:
        return NodeState(
            self.facts,
            self.cpu + demand.cpu,
            self.memory + demand.memory,
            self.disk + demand.disk,
            self.nominal_cpu + demand.nominal_cpu,
            self.nominal_memory + demand.nominal_memory,
            self.ports.difference(demand.ports) if demand.ports else self.ports,
            self.tasks - 1,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All nodes as of one revision of the store, by name."""

    revision: int
    nodes: Mapping[str, NodeState]
