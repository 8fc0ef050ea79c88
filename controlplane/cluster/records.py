"""One decoded value each, next to the entry it came from: what a decision reads and what its compare names.

Frozen, so a record taken under the cache's lock may be used after it; built by `ClusterCache` alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from controlplane.cluster.demand import Demand
from taskyard.keys import NamedKey, ObjectKey
from taskyard.manifest.flat import CLIENT_ID
from taskyard.objects import (
    CONDITION_TAINTS,
    DRAIN_TAINT,
    MAINTENANCE_TAINT,
    AnyObject,
    Assignment,
    BadValue,
    CronRun,
    Drain,
    JobRun,
    Maintenance,
    Move,
    NodeLease,
    NodeSpec,
    NodeStats,
    Result,
    Rollout,
    Taint,
    Task,
    TaskStatus,
    decode,
    key_of,
    spec_hash,
)
from taskyard.objects.normal import normalize
from taskyard.store.api import Entry


class SpecHash:
    """A place for the hash of one spec, and for whether it is normal: worked out only when somebody asks."""

    __slots__ = ("normal", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.normal: bool | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpecHash)

    def __hash__(self) -> int:
        return 0


class TaskRecord(msgspec.Struct, frozen=True, gc=False):
    """A task that is valid, though perhaps put by hand and not complete yet (no uid: see controlplane/intake)."""

    key: NamedKey
    task: Task
    entry: Entry
    demand: Demand
    _hash: SpecHash = msgspec.field(default_factory=SpecHash)

    @property
    def uid(self) -> str:
        return self.task.metadata.uid

    @property
    def client_id(self) -> str:
        """The ID that a client of the seed's API gave it; empty when there is none. Not unique."""
        return self.task.metadata.annotations.get(CLIENT_ID, "")

    @property
    def node(self) -> str:
        """Which it is bound to; empty when it is not."""
        return self.task.binding.node if self.task.binding else ""

    @property
    def spec_hash(self) -> str:
        """Of the spec as it is now; the binding's differs when a new binding is due. Worked out once."""
        if self._hash.value is None:
            self._hash.value = spec_hash(self.task.spec)
        return self._hash.value

    @property
    def normal(self) -> bool:
        """Its spec is in the spelling that admission gives to specs. Worked out once."""
        if self._hash.normal is None:
            self._hash.normal = normalize(self.task.spec) == self.task.spec
        return self._hash.normal

    def know_hash_of(self, other: TaskRecord) -> None:
        """Takes over what was worked out for another record, if that has the same spec."""
        mine, known = self._hash, other._hash
        if mine is known or known.value is None:
            return
        if self.task.spec is other.task.spec or self.task.spec == other.task.spec:
            mine.value = known.value
            mine.normal = known.normal if mine.normal is None else mine.normal


class ObjectRecord(msgspec.Struct, frozen=True, gc=False):
    """Any other object that is kept whole under one key; like a task, valid but perhaps not complete yet."""

    value: AnyObject
    entry: Entry

    @property
    def key(self) -> ObjectKey:
        return key_of(self.value)

    @property
    def uid(self) -> str:
        return self.value.metadata.uid


class RolloutRecord(msgspec.Struct, frozen=True, gc=False):
    rollout: Rollout
    entry: Entry


class RunRecord(msgspec.Struct, frozen=True, gc=False):
    run: JobRun
    entry: Entry


class TicksRecord(msgspec.Struct, frozen=True, gc=False):
    run: CronRun
    entry: Entry


class ResultRecord(msgspec.Struct, frozen=True, gc=False):
    result: Result
    entry: Entry


class AssignmentRecord(msgspec.Struct, frozen=True, gc=False):
    node: str
    assignment: Assignment
    entry: Entry
    demand: Demand

    @property
    def key(self) -> NamedKey:
        """Of the task that it says it is of."""
        return NamedKey(self.assignment.namespace, self.assignment.name)


class StatusRecord(msgspec.Struct, frozen=True, gc=False):
    node: str
    status: TaskStatus
    entry: Entry

    @property
    def key(self) -> NamedKey:
        """Of the task that it says it is of."""
        return NamedKey(self.status.namespace, self.status.name)


class NodeRecord(msgspec.Struct, frozen=True, gc=False):
    """All that is known of a node. It is there as long as any of its keys is; without a lease it is not ready."""

    name: str
    spec: NodeSpec | None = None
    spec_revision: int = 0
    """Mod revision of the spec's key, also when its value is quarantined; 0 when there is none."""
    lease: NodeLease | None = None
    lease_create_revision: int = 0
    """What `same_life` compares; 0 when there is none."""
    stats_entry: Entry | None = None

    @property
    def ready(self) -> bool:
        return self.lease is not None

    @property
    def runtime_ready(self) -> bool:
        """Its agent lives, and its container runtime answers."""
        return self.lease is not None and not self.lease.suffers("RuntimeDown")

    @property
    def stopping(self) -> bool:
        """Its agent is being stopped, and may be back before the lease has expired."""
        return self.lease is not None and self.lease.stopping

    @property
    def able(self) -> bool:
        """It can run what is placed there: its container runtime answers, and its agent stays."""
        return self.runtime_ready and not self.stopping

    @property
    def labels(self) -> dict[str, str]:
        """The agent's, and over them the operator's."""
        reported = self.lease.labels if self.lease else {}
        return {**reported, **self.spec.labels} if self.spec else dict(reported)

    @property
    def taints(self) -> list[Taint]:
        """The operator's, and those that maintenance, a drain and the node's conditions amount to."""
        own = self.spec.taints if self.spec else []
        conditions = self.lease.conditions if self.lease else []
        worked_on = [MAINTENANCE_TAINT] if self.maintenance is not None else []
        asked = self.drain is not None or (self.lease is not None and self.lease.draining)
        drained = [DRAIN_TAINT] if asked and DRAIN_TAINT not in own else []
        return [*own, *worked_on, *drained, *(CONDITION_TAINTS[each.type] for each in conditions)]

    @property
    def drain(self) -> Drain | None:
        """The operator's."""
        return self.spec.drain if self.spec else None

    @property
    def maintenance(self) -> Maintenance | None:
        return self.spec.maintenance if self.spec else None

    @property
    def stats(self) -> NodeStats | None:
        """Decoded here and now: they change all the time and are rarely read. None when absent or not valid."""
        if self.stats_entry is None:
            return None
        try:
            return decode(self.stats_entry.value, NodeStats)
        except BadValue:
            return None


def owner_of(value: AnyObject) -> ObjectKey | None:
    """Whose it is, if a controller made it."""
    owner = value.metadata.owner
    return ObjectKey(owner.kind, value.metadata.namespace, owner.name) if owner else None


class MoveRecord(msgspec.Struct, frozen=True, gc=False):
    move: Move
    entry: Entry


ChangeKind = Literal["task", "object", "node", "assignment", "status", "stats", "move", "result", "quarantine"]


class CacheChange(msgspec.Struct, frozen=True, gc=False):
    """Something under this key is different now: read the cache. It says what is dirty, not what happened."""

    kind: ChangeKind
    key: str
    """task, object, move: its name. node, stats: the node's name. assignment, status, result: the uid. quarantine: the
    etcd key, when its value was set aside (again, with a new value) or is set aside no longer."""
    revision: int
    task: NamedKey | None = None
    """Of the task that it is about, where that is known."""
    object: ObjectKey | None = None
    """object: which; the service whose rollout it is, or the job whose run."""
    owner: ObjectKey | None = None
    """task, object, assignment, status, result: the object that the task, or this, was made for."""
    node: str = ""
    """node, stats, assignment, status: whose key it is. task: the node that it is bound to."""
    room: bool = False
    """assignment, status: what is spoken for on the node is different now. These and stats: the node has come or gone
    with it."""
    expected: bool = False
    """task, assignment: this process wrote just that, and told the cache before (`ClusterCache.expect`)."""
