"""The decoded view over the control plane's one informer, consistent at one revision: what everybody reads.

It decides nothing and writes nothing. `tables.py` and below hold the data and apply changes; this is the reading side.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from controlplane.cluster.demand import Demand
from controlplane.cluster.placed import Placed
from controlplane.cluster.readings import Readings
from controlplane.cluster.records import (
    AssignmentRecord,
    CacheChange,
    ChangeKind,
    MoveRecord,
    NodeRecord,
    ObjectRecord,
    ResultRecord,
    RolloutRecord,
    RunRecord,
    StatusRecord,
    TaskRecord,
    TicksRecord,
)
from controlplane.cluster.tables import Tables
from controlplane.cluster.usage import Usage
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import AnyObject, Assignment, Task
from taskyard.store.informer import Change, Informer
from taskyard.store.subscribers import tell_all

R = TypeVar("R", AssignmentRecord, StatusRecord)

_UNUSED = Usage()


class ClusterCache:
    """Hold `lock` to read several things as of the same revision; a single look-up needs no lock.

    Records are frozen and may be kept; the mappings are live views, so hold the lock to iterate over one.
    """

    def __init__(self, informer: Informer, strategy: str = "spread", readings: Readings | None = None) -> None:
        """`strategy`: of tasks that name none, as this control plane was told; the store does not say.
        `readings`: shared with other caches that the same thread fills, as in a simulation; None: there are none."""
        self.informer = informer
        self.strategy = strategy
        self._tables = tables = Tables(readings)
        self._objects, self._nodes = tables.of_objects, tables.of_nodes
        self._subscribers: list[tuple[Callable[[Sequence[CacheChange]], None], frozenset[ChangeKind] | None]] = []
        """Each with the kinds of changes that it is told of; None: of all."""
        self._told_of: dict[frozenset[ChangeKind], list[Callable[[Sequence[CacheChange]], None]]] = {}
        """By the kinds in a batch, whom it concerns."""
        self.tasks: Mapping[NamedKey, TaskRecord] = MappingProxyType(self._objects.tasks)
        """By (namespace, name). Includes tasks put by hand that lack their uid until intake has completed them."""
        self.objects: Mapping[ObjectKey, ObjectRecord] = MappingProxyType(self._objects.objects)
        """All other objects that are kept whole under one key, complete or not."""
        self.rollouts: Mapping[NamedKey, RolloutRecord] = MappingProxyType(self._objects.rollouts)
        """By the namespace and name of the service; one whose uid is another's is left from an earlier one."""
        self.runs: Mapping[NamedKey, RunRecord] = MappingProxyType(self._objects.runs)
        """Likewise, of jobs."""
        self.ticks: Mapping[NamedKey, TicksRecord] = MappingProxyType(self._objects.ticks)
        """Likewise, of crons."""
        self.results: Mapping[str, ResultRecord] = MappingProxyType(self._objects.results)
        """By the uid of the task whose end it tells."""
        self.nodes: Mapping[str, NodeRecord] = MappingProxyType(self._nodes.nodes)
        """Every node that has any key; one whose lease is gone has `lease` None."""
        self.moves: Mapping[NamedKey, MoveRecord] = MappingProxyType(self._objects.moves)
        """By the task that is to be moved, which need not be there any more."""
        self.quarantined: Mapping[str, str] = MappingProxyType(tables.quarantine.reasons)
        """etcd key → why its value is not used."""
        informer.subscribe(self._apply)
        informer.read_ahead(tables.reader.read_ahead)

    @property
    def lock(self) -> threading.RLock:
        """The informer's: held while a batch is applied and subscribers run."""
        return self.informer.lock

    @property
    def revision(self) -> int:
        """Everything up to here has been seen."""
        return self.informer.revision

    @property
    def restores(self) -> int:
        """It rises when the store went back to an earlier revision: then all that was noted of revisions is void."""
        return self.informer.restores

    def on_change(
        self, callback: Callable[[Sequence[CacheChange]], None], kinds: Collection[ChangeKind] | None = None
    ) -> None:
        """Called under the lock in the informer's thread, once per batch, after all of it was applied. Be quick.

        `kinds`: it is called with batches in which there are changes of these, and perhaps others; None: with all.
        """
        self._subscribers.append((callback, None if kinds is None else frozenset(kinds)))
        self._told_of.clear()

    def expect(self, key: str, raw: bytes, value: Task | Assignment, demand: Demand) -> None:
        """This process is about to write this: see `OwnWrites.note`."""
        self._tables.reader.own_writes.note(key, raw, value, demand)

    def by_uid(self, uid: str) -> TaskRecord | None:
        """The task that owns this uid: where a value was copied by hand to a second key, the older key."""
        return self._objects.owner(uid)

    def find(self, key: ObjectKey) -> AnyObject | None:
        """The object of any kind at this key."""
        if key.kind == "Task":
            task = self.tasks.get(NamedKey(key.namespace, key.name))
            return task.task if task else None
        record = self.objects.get(key)
        return record.value if record else None

    def everything(self) -> Iterator[tuple[ObjectKey, AnyObject]]:
        """All objects of every kind, under the lock."""
        yield from ((ObjectKey("Task", *key), record.task) for key, record in self._objects.tasks.items())
        yield from ((key, record.value) for key, record in self._objects.objects.items())

    def object_by_uid(self, uid: str) -> ObjectRecord | None:
        """As `by_uid`, for an object that is no task."""
        found = [self._objects.objects[key] for key in self._objects.object_claims.of(uid)]
        return min(found, key=lambda record: (record.entry.create_revision, record.entry.key), default=None)

    def owned_by(self, uid: str) -> list[ObjectKey]:
        """All that says it was made for the object with this uid, in the order of their keys."""
        return sorted(self._objects.owned.of(uid))

    def owners(self) -> set[str]:
        """The uids of all owners that anything names, whether or not they are there."""
        return set(self._objects.owned.keys())

    def by_client_id(self, ident: str, namespace: str) -> list[TaskRecord]:
        """The tasks in the namespace that carry this ID of a client's, in the order of their names."""
        keys = sorted(key for key in self._objects.client_ids.of(ident) if key.namespace == namespace)
        return [self._objects.tasks[key] for key in keys]

    def assignment(self, uid: str) -> AssignmentRecord | None:
        """The one on the node that the task is bound to; without that, any that is left over."""
        return self._on_bound_node(uid, self._nodes.assignments)

    def status(self, uid: str) -> StatusRecord | None:
        """Like `assignment`. Its epoch may be older than the binding's: see `effective.view`."""
        return self._on_bound_node(uid, self._nodes.statuses)

    def assignments_of(self, uid: str) -> Mapping[str, AssignmentRecord]:
        """By node; more than one only when something was left over."""
        return self._nodes.assignments.of(uid)

    def statuses_of(self, uid: str) -> Mapping[str, StatusRecord]:
        """By node, like `assignments_of`."""
        return self._nodes.statuses.of(uid)

    def assignment_on(self, uid: str, node: str) -> AssignmentRecord | None:
        return self._nodes.assignments.on(uid, node)

    def status_on(self, uid: str, node: str) -> StatusRecord | None:
        """Of an earlier epoch, it may be: see `effective.current_status`."""
        return self._nodes.statuses.on(uid, node)

    def bound_to(self, node: str) -> list[TaskRecord]:
        """The tasks whose binding names this node, in the order of their keys."""
        return [self._objects.tasks[key] for key in sorted(self._objects.bound_to.of(node))]

    def placed_as(self, key: NamedKey) -> set[str]:
        """The uids of all assignments and statuses that say they are of this task, whether or not it is there."""
        return set(self._nodes.placed_as.of(key))

    def placed_uids(self) -> set[str]:
        """Every uid that has an assignment or a status anywhere, whether or not its task is there."""
        return self._nodes.assignments.uids() | self._nodes.statuses.uids()

    def usage(self, node: str) -> Usage:
        """What is set aside on the node, by assignments whose task has not ended. Live: read it under the lock."""
        return self._nodes.usage.get(node, _UNUSED)

    def _on_bound_node(self, uid: str, placed: Placed[R]) -> R | None:
        records = placed.of(uid)
        if not records:
            return None
        owner = self.by_uid(uid)
        return records[owner.node if owner is not None and owner.node in records else min(records)]

    def _apply(self, batch: Sequence[Change]) -> None:
        changes = self._tables.apply(batch)
        kinds = frozenset([change.kind for change in changes])
        concerned = self._told_of.get(kinds)
        if concerned is None:
            concerned = [told for told, wanted in self._subscribers if wanted is None or wanted & kinds]
            self._told_of[kinds] = concerned
        tell_all(concerned, changes)
