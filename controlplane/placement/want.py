"""A task that waits for a binding, reduced to what decides where it goes and when its turn is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.cluster.demand import HostPortKey
from taskyard.keys import NamedKey


@dataclass(frozen=True, slots=True)
class Held:
    """What the task's present assignment sets aside, and where."""

    node: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class Want:
    key: NamedKey
    uid: str
    demand: Demand
    priority: int = 0
    created_at: str = ""
    current: str = ""
    """The node that it is bound to already: preferred."""
    held: Held | None = None
    leaves: bool = False
    """What it holds is being stopped: it is to go elsewhere, or to wait for its turn again."""
    gang: str = ""
    """Of those that are placed together or not at all; empty: it goes alone."""
    gang_lacks: int = 0
    """Members that have to be placed at once, besides those that are placed already."""
    line: int = 0
    """Its place among tasks of equal priority when those of several namespaces wait; all 0 when they do not."""

    @property
    def needs_no_more(self) -> bool:
        """Than it holds, which is its own for as long as it is not stopped there."""
        return self.held is not None and not self.leaves and beyond(self.demand, self.held.demand) == Demand()

    @property
    def turn(self) -> tuple[int, int, str, NamedKey]:
        """Smaller goes first: the highest priority, then by their place in line, then the oldest, then by name."""
        return -self.priority, self.line, self.created_at, self.key


def turn_of(record: TaskRecord) -> tuple[int, str, NamedKey]:
    """That of its `Want`, before several namespaces are set in line."""
    return -record.task.spec.priority, record.task.metadata.created_at, record.key


def want_of(cache: ClusterCache, record: TaskRecord) -> Want:
    """Call it under the cache's lock."""
    metadata = record.task.metadata
    held = cache.usage(record.node).by_uid.get(record.uid) if record.node else None
    there = cache.assignment_on(record.uid, record.node) if held is not None else None
    return Want(
        key=record.key,
        uid=record.uid,
        demand=record.demand,
        priority=record.task.spec.priority,
        created_at=metadata.created_at,
        current=record.node,
        held=Held(record.node, held) if held is not None else None,
        leaves=there is not None and there.assignment.desired == "Stopped",
        gang=gang_of(record),
    )


def gang_of(record: TaskRecord) -> str:
    gang = record.task.spec.gang
    return f"{record.task.metadata.namespace}/{gang.name}" if gang is not None else ""


def beyond(demand: Demand, held: Demand) -> Demand:
    """What `demand` needs on top of `held`, never less than nothing.

    A task that shrinks or moves gives its room back only once its new binding is in the store: whoever was placed
    there in the same batch would be one too many if just that binding failed.
    """
    taken: frozenset[HostPortKey] = frozenset(held.ports)
    had = dict(held.generic)
    return Demand(
        cpu=max(demand.cpu - held.cpu, 0),
        memory=max(demand.memory - held.memory, 0),
        disk=max(demand.disk - held.disk, 0),
        ports=tuple(port for port in demand.ports if port not in taken),
        generic=tuple((name, more) for name, count in demand.generic if (more := count - had.get(name, 0)) > 0),
    )
