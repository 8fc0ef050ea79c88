"""The tables of tasks and all other objects, and of what is noted about them at keys of its own: updates, runs, times,
results, and wishes that a task be moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from controlplane.cluster import reading
from controlplane.cluster.index import OneToMany
from controlplane.cluster.quarantine import Quarantine
from controlplane.cluster.reader import Reader, attempt
from controlplane.cluster.records import (
    CacheChange,
    MoveRecord,
    ObjectRecord,
    ResultRecord,
    RolloutRecord,
    RunRecord,
    TaskRecord,
    TicksRecord,
    owner_of,
)
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_PLURAL
from taskyard.objects import AnyObject
from taskyard.store.api import Entry
from taskyard.store.informer import Change

K = TypeVar("K", NamedKey, str)
R = TypeVar("R")


class ObjectTables:
    """Everything by its key, plus the indexes; `ClusterCache` says what each means."""

    def __init__(self, reader: Reader, quarantine: Quarantine) -> None:
        self.tasks: dict[NamedKey, TaskRecord] = {}
        self.objects: dict[ObjectKey, ObjectRecord] = {}
        self.rollouts: dict[NamedKey, RolloutRecord] = {}
        self.runs: dict[NamedKey, RunRecord] = {}
        self.ticks: dict[NamedKey, TicksRecord] = {}
        self.results: dict[str, ResultRecord] = {}
        self.moves: dict[NamedKey, MoveRecord] = {}
        self.claims: OneToMany[str, NamedKey] = OneToMany()
        """uid → keys of the tasks that say it is theirs."""
        self.client_ids: OneToMany[str, NamedKey] = OneToMany()
        """What the seed's clients called a task (the annotation) → keys of the tasks that have it."""
        self.bound_to: OneToMany[str, NamedKey] = OneToMany()
        """Node → keys of the tasks whose binding names it."""
        self.object_claims: OneToMany[str, ObjectKey] = OneToMany()
        """uid → keys of the other objects that say it is theirs."""
        self.owned: OneToMany[str, ObjectKey] = OneToMany()
        """uid of an owner → keys of all that says it was made for it, whether or not the owner is there."""
        self._reader, self._judge = reader, quarantine.judge

    def owner(self, uid: str) -> TaskRecord | None:
        """Of the tasks that claim the uid the one that was there first."""
        key = self.owner_key(uid)
        return None if key is None else self.tasks[key]

    def owner_key(self, uid: str) -> NamedKey | None:
        only = self.claims.only(uid)
        if only is not None:
            return only
        return min(self.claims.of(uid), key=self._age, default=None)

    def _age(self, key: NamedKey) -> tuple[int, str]:
        entry = self.tasks[key].entry
        return entry.create_revision, entry.key

    def apply_object(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_object(change.key)
        if key is None:
            self._judge(change, _bad_object_key(change.key), changes)
            return
        if key.kind != "Task":
            new, reason = self._reader.record(change.new, key)
            self._settle_object(key, change, new if isinstance(new, ObjectRecord) else None, reason, changes)
            return
        name = NamedKey(key.namespace, key.name)
        own = self._reader.own_task(change.new, name)
        new, reason = (own, "") if own is not None else self._reader.record(change.new, key)
        task = new if isinstance(new, TaskRecord) else None
        self.settle_task(name, change, task, reason, changes, expected=own is not None)

    def settle_task(
        self,
        key: NamedKey,
        change: Change,
        new: TaskRecord | None,
        reason: str,
        changes: list[CacheChange],
        *,
        expected: bool = False,
    ) -> None:
        old = self.tasks.pop(key, None)
        if new is not None:
            self.tasks[key] = new
            if old is not None:
                new.know_hash_of(old)
        if old is None or new is None or old.task.metadata is not new.task.metadata:
            self.claims.move(key, old.uid if old else "", new.uid if new else "")
            self.client_ids.move(key, old.client_id if old else "", new.client_id if new else "")
        self.bound_to.move(key, old.node if old else "", new.node if new else "")
        node = (new.node if new else "") or (old.node if old else "")
        owner = self._exchange_task_owner(key, old, new)
        self._judge(change, reason, changes)
        changes.append(CacheChange("task", key.name, change.revision, key, owner=owner, node=node, expected=expected))

    def _settle_object(
        self, key: ObjectKey, change: Change, new: ObjectRecord | None, reason: str, changes: list[CacheChange]
    ) -> None:
        old = self.objects.pop(key, None)
        if old is not None:
            self.object_claims.discard(old.uid, key)
        if new is not None:
            self.objects[key] = new
            if new.uid:
                self.object_claims.add(new.uid, key)
        owner = self._exchange_owner(key, old.value if old else None, new.value if new else None)
        self._judge(change, reason, changes)
        changes.append(CacheChange("object", key.name, change.revision, object=key, owner=owner))

    def _exchange_task_owner(self, key: NamedKey, old: TaskRecord | None, new: TaskRecord | None) -> ObjectKey | None:
        before, now = old.task if old else None, new.task if new else None
        if (before is None or before.metadata.owner is None) and (now is None or now.metadata.owner is None):
            return None
        return self._exchange_owner(ObjectKey("Task", *key), before, now)

    def _exchange_owner(self, key: ObjectKey, old: AnyObject | None, new: AnyObject | None) -> ObjectKey | None:
        """Whose it is now, or was."""
        if old is not None and old.metadata.owner is not None:
            self.owned.discard(old.metadata.owner.uid, key)
        if new is not None and new.metadata.owner is not None:
            self.owned.add(new.metadata.owner.uid, key)
        return (owner_of(new) if new is not None else None) or (owner_of(old) if old is not None else None)

    def apply_rollout(self, change: Change, changes: list[CacheChange]) -> None:
        where = "where rollouts are: rollouts/<namespace>/<service>"
        self._apply_beside("Service", self.rollouts, keys.parse_rollout, reading.read_rollout, where, change, changes)

    def apply_run(self, change: Change, changes: list[CacheChange]) -> None:
        where = "where runs of jobs are: runs/<namespace>/<job>"
        self._apply_beside("Job", self.runs, keys.parse_run, reading.read_run, where, change, changes)

    def apply_ticks(self, change: Change, changes: list[CacheChange]) -> None:
        where = "where the times of crons are: ticks/<namespace>/<cron>"
        self._apply_beside("Cron", self.ticks, keys.parse_ticks, reading.read_ticks, where, change, changes)

    def apply_move(self, change: Change, changes: list[CacheChange]) -> None:
        where = "where moves are: moves/<namespace>/<name>"
        key = self._apply(self.moves, keys.parse_move, reading.read_move, where, change, changes)
        if key is not None:
            changes.append(CacheChange("move", key.name, change.revision, key))

    def apply_result(self, change: Change, changes: list[CacheChange]) -> None:
        uid = self._apply(
            self.results, _uid_of_result, reading.read_result, "where results are: results/<uid>", change, changes
        )
        if uid is not None:
            owner = self.owner(uid)
            about, made_for = (owner.key, owner_of(owner.task)) if owner else (None, None)
            changes.append(CacheChange("result", uid, change.revision, about, owner=made_for))

    def _apply_beside(
        self,
        kind: str,
        table: dict[NamedKey, R],
        parse: Callable[[str], NamedKey | None],
        read: Callable[[Entry, NamedKey], R],
        where: str,
        change: Change,
        changes: list[CacheChange],
    ) -> None:
        """What a controller notes of an object of this kind, by that one's name."""
        key = self._apply(table, parse, read, where, change, changes)
        if key is not None:
            changes.append(CacheChange("object", key.name, change.revision, object=ObjectKey(kind, *key)))

    def _apply(
        self,
        table: dict[K, R],
        parse: Callable[[str], K | None],
        read: Callable[[Entry, K], R],
        where: str,
        change: Change,
        changes: list[CacheChange],
    ) -> K | None:
        """The key in the table; None where the store's key is none of that kind."""
        key = parse(change.key)
        if key is None:
            self._judge(change, f"it is not {where}", changes)
            return None
        new, reason = attempt(read, change.new, key)
        table.pop(key, None)
        if new is not None:
            table[key] = new
        self._judge(change, reason, changes)
        return key


def _uid_of_result(key: str) -> str | None:
    return keys.parse_result(key) or None


def _bad_object_key(key: str) -> str:
    names = BY_PLURAL[key[len(keys.ROOT) :].partition("/")[0]]
    return f"it is not where {names.plural} are: {names.plural}/{'<namespace>/' if names.namespaced else ''}<name>"
