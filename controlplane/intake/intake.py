"""The intake's loop: objects that lack what the API would have filled in, and values that nobody can read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from controlplane.cluster import AssignmentRecord, CacheChange, ObjectRecord, TaskRecord
from controlplane.intake.decide import complete, complete_object, is_complete
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import AnyObject, Namespace, ObjectRef, TaskDefaults, encode
from taskyard.store.api import Compare, Entry, Put, unchanged

_log = logging.getLogger(__name__)


class StoreKey(NamedTuple):
    """In the queue: the value at this key is set aside, or is no longer."""

    key: str


Dirty = ObjectKey | StoreKey


class Intake(LeaderLoop[Dirty]):
    """Run it in one thread, or step it."""

    kinds = ("task", "object", "quarantine")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._told: dict[str, str] = {}
        """Key → the reason that was announced for it."""

    def begin_term(self) -> None:
        self._told.clear()

    def everything(self) -> Sequence[Dirty]:
        tasks = [ObjectKey("Task", *key) for key in self.cache.tasks]
        return [*tasks, *self.cache.objects, *map(StoreKey, self.cache.quarantined)]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: list[Dirty] = []
        for change in changes:
            if change.kind == "quarantine":
                found.append(StoreKey(change.key))
            elif change.kind == "task" and change.task is not None:
                record = self.cache.tasks.get(change.task)
                if record is not None and not self._is_complete(record):
                    found.append(ObjectKey("Task", *change.task))
            elif change.object is not None:
                found.append(change.object)
        return found

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        proposals = []
        with self.cache.lock:
            for key in batch:
                proposal = None if isinstance(key, StoreKey) else self._completion(key)
                if isinstance(key, StoreKey):
                    self._tell(key.key)
                if proposal is not None:
                    proposals.append(proposal)
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda key: key,
            what=lambda key: f"complete {key.label}",
        )
        return False

    def _completion(self, key: ObjectKey) -> Proposal[ObjectKey] | None:
        if key.kind == "Task":
            task = self.cache.tasks.get(NamedKey(key.namespace, key.name))
            return self._completed_task(key, task) if task is not None and not self._is_complete(task) else None
        record = self.cache.objects.get(key)
        return self._completed_object(key, record) if record is not None else None

    def _is_complete(self, record: TaskRecord) -> bool:
        """As nearly every task is, each time that it changes."""
        owner = self.cache.by_uid(record.uid) if record.uid else None
        return owner is not None and owner.key == record.key and is_complete(record)

    def _completed_task(self, key: ObjectKey, record: TaskRecord) -> Proposal[ObjectKey] | None:
        owner = self.cache.by_uid(record.uid) if record.uid else None
        task = complete(
            record,
            copied=owner is not None and owner.key != record.key,
            running=self._left_running(record),
            now=self.clock.now(),
            uid=self._new_uid(),
            defaults=self._defaults(key.namespace),
        )
        return _proposal(key, record.entry, task)

    def _completed_object(self, key: ObjectKey, record: ObjectRecord) -> Proposal[ObjectKey] | None:
        first = self.cache.object_by_uid(record.uid) if record.uid else None
        copied = first is not None and first.key != key
        value = complete_object(
            record,
            copied=copied,
            now=self.clock.now(),
            uid=self._new_uid(),
            defaults=self._defaults(key.namespace),
        )
        return _proposal(key, record.entry, value)

    def _defaults(self, namespace: str) -> TaskDefaults:
        known = self.cache.find(ObjectKey("Namespace", "default", namespace))
        return known.spec.defaults if isinstance(known, Namespace) else TaskDefaults()

    def _left_running(self, record: TaskRecord) -> AssignmentRecord | None:
        """The assignment that the task at this key had before its value was overwritten; of several the newest."""
        uids = self.cache.placed_as(record.key)
        orphans = [held for uid in uids if self.cache.by_uid(uid) is None for held in self._assigned(uid)]
        return max(orphans, key=lambda held: held.entry.mod_revision, default=None)

    def _assigned(self, uid: str) -> list[AssignmentRecord]:
        return [held for held in self.cache.assignments_of(uid).values() if held.assignment.desired == "Running"]

    def _tell(self, key: str) -> None:
        reason = self.cache.quarantined.get(key)
        if reason is None:
            self._told.pop(key, None)
            return
        if self._told.get(key) == reason:
            return
        self._told[key] = reason
        about, namespace = _subject(key)
        message = f"{key} is ignored until its value is changed: {reason}"
        self._events.emit(about, namespace, "Quarantined", message, warning=True)
        _log.warning("quarantined: %s", message)


def _proposal(key: ObjectKey, entry: Entry, value: AnyObject | None) -> Proposal[ObjectKey] | None:
    return Proposal(key, (unchanged(entry),), (Put(entry.key, encode(value)),)) if value is not None else None


def _subject(key: str) -> tuple[ObjectRef, str]:
    """What an event about the value at this key is about, and the namespace where that event is found."""
    named, node = keys.parse_object(key), keys.parse_node(key)
    if named is not None:
        return ObjectRef(kind=named.kind, name=named.name), named.namespace
    if node is not None:
        return ObjectRef(kind="Node", name=node.node), keys.CLUSTER_NAMESPACE
    return ObjectRef(kind="Key", name=key.removeprefix(keys.ROOT).replace("/", ".")), keys.CLUSTER_NAMESPACE
