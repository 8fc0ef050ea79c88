"""A node as placement sees it: facts that rarely change, and the room that every placement changes.

Immutable: charging a node gives a new one, so a batch is tried on a copy that costs nothing to throw away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.placement.homes import Homes
from controlplane.placement.quotas import Allowance
from taskyard.objects import NODE_NAME, Amounts, Taint
from taskyard.quantity import format_cpu


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """`open`: nothing about the node itself forbids placing there, whatever the task asks for and tolerates."""

    name: str
    ready: bool
    """Its agent's lease is there. Without it the capacity is not known either."""
    life: int
    """Create revision of that lease, which a binding compares; 0 when there is none."""
    stopping: bool
    """Its agent is on its way out."""
    cordoned: bool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    capacity: Amounts
    images: frozenset[str] = frozenset()
    """Some of those that it has, as tasks name them."""
    runtime: str = ""
    """`docker 20.10.24`"""
    version: str = ""
    """Of its agent."""

    open: bool = field(init=False)

    def __post_init__(self) -> None:
        is_open = self.ready and not (self.stopping or self.cordoned)
        object.__setattr__(self, "open", is_open)

    @property
    def precedence(self) -> tuple[int, int, str]:
        """Smaller goes first where all else is equal: the larger node, then by name."""
        return -self.capacity.memory_bytes, -self.capacity.cpu_millis, self.name

    def attribute(self, key: str) -> str | None:
        """A label, or one of what constraints call `node.…`; None when it has no such thing."""
        if key.startswith("node."):
            read = ATTRIBUTES.get(key)
            if read is not None:
                return read(self)
        return self.labels.get(key)


ATTRIBUTES: Mapping[str, Callable[[NodeFacts], str | None]] = {
    NODE_NAME: lambda node: node.name,
    "node.cpu": lambda node: format_cpu(node.capacity.cpu_millis) if node.ready else None,
    "node.memory": lambda node: str(node.capacity.memory_bytes) if node.ready else None,
    "node.disk": lambda node: str(node.capacity.disk_bytes) if node.ready else None,
    "node.runtime": lambda node: node.runtime.partition(" ")[0] or None,
    "node.runtimeVersion": lambda node: node.runtime.partition(" ")[2] or None,
    "node.version": lambda node: node.version or None,
}
"""What constraints and topology keys may name beside labels."""


class NodeState(msgspec.Struct, frozen=True, gc=False):
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
    generic: Mapping[str, int] = {}
    """Free, of what it offers beside; what is not named it does not have."""
    tenants: tuple[Demand, ...] = ()
    """What the tasks on it asked for, in no order: for the rules by which tasks look at each other."""

    def charged(self, demand: Demand) -> NodeState:
        return replace(
            self,
            cpu=self.cpu - demand.cpu,
            memory=self.memory - demand.memory,
            disk=self.disk - demand.disk,
            nominal_cpu=self.nominal_cpu - demand.nominal_cpu,
            nominal_memory=self.nominal_memory - demand.nominal_memory,
            ports=self.ports.union(demand.ports) if demand.ports else self.ports,
            tasks=self.tasks + 1,
            generic=_moved(self.generic, demand, -1),
            tenants=(*self.tenants, demand),
        )

    def released(self, demand: Demand) -> NodeState:
        tenants = _without(self.tenants, demand)
        return replace(
            self,
            cpu=self.cpu + demand.cpu,
            memory=self.memory + demand.memory,
            disk=self.disk + demand.disk,
            nominal_cpu=self.nominal_cpu + demand.nominal_cpu,
            nominal_memory=self.nominal_memory + demand.nominal_memory,
            ports=_freed(self.ports, demand, tenants) if demand.ports else self.ports,
            tasks=self.tasks - 1,
            generic=_moved(self.generic, demand, 1),
            tenants=tenants,
        )


def _moved(generic: Mapping[str, int], demand: Demand, sign: int) -> Mapping[str, int]:
    if not demand.generic:
        return generic
    return {**generic, **{name: generic.get(name, 0) + sign * amount for name, amount in demand.generic}}


def _freed(ports: frozenset[HostPortKey], demand: Demand, others: tuple[Demand, ...]) -> frozenset[HostPortKey]:
    """Without those that only it had: what is kept for a task may be what another one still has."""
    return ports.difference(demand.ports).union(
        port for other in others for port in other.ports if port in ports and port in demand.ports
    )


def _without(tenants: tuple[Demand, ...], demand: Demand) -> tuple[Demand, ...]:
    if demand not in tenants:
        return tenants
    at = tenants.index(demand)
    return tenants[:at] + tenants[at + 1 :]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All nodes as of one revision of the store, by name, and the cluster's policy."""

    revision: int
    nodes: Mapping[str, NodeState]
    strategy: str = "spread"
    """Of tasks that name none: `spread` or `binpack`."""
    quotas: Mapping[str, Allowance] = field(default_factory=dict)
    """By namespace, of those that have one."""
    volumes: Homes = field(default_factory=dict)
    """Where the data of named volumes is, as far as it is on record."""

    def with_nodes(self, nodes: Mapping[str, NodeState]) -> Snapshot:
        """Were these all, and as they are here."""
        return Snapshot(self.revision, nodes, self.strategy, self.quotas, self.volumes)
