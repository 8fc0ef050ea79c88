"""The ownership controller's loop: which owners to look at, what hangs on each, and the commits to make."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from controlplane.cluster import CacheChange
from controlplane.cluster.records import owner_of
from controlplane.leading import LeaderLoop, Proposal, Step, carry_out
from controlplane.ownership.decide import Held, ask_to_go, next_steps
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_KIND
from taskyard.store.api import Compare, absent, unchanged

_log = logging.getLogger(__name__)


class LostOwner(NamedTuple):
    """In the queue: something names an owner that is not there, as when its key was deleted by hand."""

    uid: str


Dirty = ObjectKey | LostOwner


class OwnershipController(LeaderLoop[Dirty]):
    """Run it in one thread, or step it."""

    kinds = ("object", "task")

    def begin_term(self) -> None:
        """It remembers nothing between two rounds."""

    def everything(self) -> Sequence[Dirty]:
        going = [key for key, record in self.cache.objects.items() if record.value.metadata.deletion_timestamp]
        lost = [LostOwner(uid) for uid in sorted(self.cache.owners()) if self.cache.object_by_uid(uid) is None]
        return [*going, *lost]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: list[Dirty] = []
        for change in changes:
            if change.kind not in ("task", "object"):
                continue
            named = change.object or change.task
            around = [change.object, change.owner, _namespace(named.namespace) if named is not None else None]
            found += [key for key in around if key is not None and self._going(key)]
        return found

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        again: dict[ObjectKey, Dirty] = {}
        proposals: list[Proposal[Step]] = []
        with self.cache.lock:
            for key in batch:
                steps = self._steps(key)
                again |= {step.subject.key: key for step in steps}
                proposals += steps
        carry_out(self, fence, batch, proposals, _log, key=lambda step: again[step.key], what=lambda step: step.label)
        return False

    def _steps(self, key: Dirty) -> list[Proposal[Step]]:
        now = self.clock.now()
        if isinstance(key, LostOwner):
            if self.cache.object_by_uid(key.uid) is not None:
                return []
            return self._left_behind(key.uid, now)
        record = self.cache.objects.get(key)
        if record is None or not record.value.metadata.deletion_timestamp:
            return []
        hanging = self._inside(key.name) if key.kind == "Namespace" else self.cache.owned_by(record.uid)
        return next_steps(Held(record.value, record.entry), self._held(hanging), now)

    def _left_behind(self, uid: str, now: float) -> list[Proposal[Step]]:
        """What an owner that is not there any more has made goes as well. Where its value is one that cannot be read, a
        slip of whoever put it there or one of a newer version, nothing goes: it is the owner again once it is right."""
        by_owner: dict[ObjectKey | None, list[Held]] = {}
        for held in self._held(self.cache.owned_by(uid)):
            by_owner.setdefault(owner_of(held.value), []).append(held)
        found: list[Proposal[Step]] = []
        for owner, dependents in by_owner.items():
            place = keys.object_key(owner) if owner is not None and owner.kind in BY_KIND else ""
            if place not in self.cache.quarantined:
                there = self.cache.informer.entries.get(place)
                same = (unchanged(there) if there is not None else absent(place),) if place else ()
                found += ask_to_go(dependents, now, same)
        return found

    def _inside(self, namespace: str) -> list[ObjectKey]:
        tasks = [ObjectKey("Task", *key) for key in self.cache.tasks if key.namespace == namespace]
        others = [key for key in self.cache.objects if key.namespace == namespace and key.kind != "Namespace"]
        return [*tasks, *others]

    def _held(self, wanted: Sequence[ObjectKey]) -> list[Held]:
        found = []
        for key in wanted:
            if key.kind == "Task":
                task = self.cache.tasks[NamedKey(key.namespace, key.name)]
                found.append(Held(task.task, task.entry))
            else:
                record = self.cache.objects[key]
                found.append(Held(record.value, record.entry))
        return found

    def _going(self, key: ObjectKey) -> bool:
        record = self.cache.objects.get(key)
        return record is not None and bool(record.value.metadata.deletion_timestamp)


def _namespace(name: str) -> ObjectKey:
    return ObjectKey("Namespace", "default", name)
