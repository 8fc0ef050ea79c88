"""The decoded tables behind `ClusterCache`, and how one change in the store becomes a change in them.

Each value is decoded once, when it changes. One that is not what its key promises is set aside with the reason and
otherwise treated as absent. No locks here: the cache applies changes under the informer's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from controlplane.cluster import reading
from controlplane.cluster.index import OneToMany
from controlplane.cluster.placed import Placed
from controlplane.cluster.reader import Reader, attempt
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
    owner_of,
)
from controlplane.cluster.usage import Usage
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_PLURAL
from taskyard.node_name import ACCEPTED
from taskyard.objects import AnyObject
from taskyard.store.informer import Change

_BAD_MOVE_KEY = "it is not where moves are: moves/<namespace>/<name>"
_BAD_NODE_KEY = (
    "it is not one of a node's keys: nodes/<node>/ and then spec, lease, stats, assignments/<uid> or status/<uid>;"
    f" a node's name is {ACCEPTED}"
)


class Tables:
    """Everything by its key, plus the indexes; `ClusterCache` says what each means."""

    def __init__(self, readings: Readings | None = None) -> None:
        self.tasks: dict[NamedKey, TaskRecord] = {}
        self.objects: dict[ObjectKey, ObjectRecord] = {}
        self.rollouts: dict[NamedKey, RolloutRecord] = {}
        self.runs: dict[NamedKey, RunRecord] = {}
        self.ticks: dict[NamedKey, TicksRecord] = {}
        self.results: dict[str, ResultRecord] = {}
        self.nodes: dict[str, NodeRecord] = {}
        self.moves: dict[NamedKey, MoveRecord] = {}
        self.assignments: Placed[AssignmentRecord] = Placed()
        self.statuses: Placed[StatusRecord] = Placed()
        self.usage: dict[str, Usage] = {}
        self.quarantined: dict[str, str] = {}
        self.claims: OneToMany[str, NamedKey] = OneToMany()
        """uid → keys of the tasks that say it is theirs."""
        self.client_ids: OneToMany[str, NamedKey] = OneToMany()
        """What the seed's clients called a task (the annotation) → keys of the tasks that have it."""
        self.bound_to: OneToMany[str, NamedKey] = OneToMany()
        """Node → keys of the tasks whose binding names it."""
        self.placed_as: OneToMany[NamedKey, str] = OneToMany()
        """What assignments and statuses say they are of → their uids, whether or not that task is there."""
        self.object_claims: OneToMany[str, ObjectKey] = OneToMany()
        """uid → keys of the other objects that say it is theirs."""
        self.owned: OneToMany[str, ObjectKey] = OneToMany()
        """uid of an owner → keys of all that says it was made for it, whether or not the owner is there."""
        self.reader = Reader(readings)
        self._node_keys: dict[str, int] = {}
        """How many there are of each."""

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

    def apply(self, batch: Sequence[Change]) -> list[CacheChange]:
        changes: list[CacheChange] = []
        for change in batch:
            if change.read is not None:
                self._apply_read(change, change.read, changes)
            elif change.key.startswith(keys.NODES):  # First: they are most of all keys.
                self._apply_node(change, changes)
            elif change.key.startswith(keys.EVENTS):
                continue
            elif keys.is_object(change.key):
                self._apply_object(change, changes)
            elif change.key.startswith(keys.ROLLOUTS):
                self._apply_rollout(change, changes)
            elif change.key.startswith(keys.RUNS):
                self._apply_run(change, changes)
            elif change.key.startswith(keys.TICKS):
                self._apply_ticks(change, changes)
            elif change.key.startswith(keys.RESULTS):
                self._apply_result(change, changes)
            elif change.key.startswith(keys.MOVES):
                self._apply_move(change, changes)
        return changes

    def _apply_read(self, change: Change, read: object, changes: list[CacheChange]) -> None:
        """One whose value has been read ahead: its key is what the value says."""
        if isinstance(read, AssignmentRecord):
            self._settle_assignment(read.node, read.assignment.uid, change, read, "", changes)
        elif isinstance(read, StatusRecord):
            self._settle_status(read.node, read.status.uid, change, read, "", changes)
        elif isinstance(read, TaskRecord):
            self._settle_task(read.key, change, read, "", changes)

    def _apply_object(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_object(change.key)
        if key is None:
            self._judge(change, _bad_object_key(change.key), changes)
            return
        if key.kind != "Task":
            new, reason = self.reader.record(change.new, key)
            self._settle_object(key, change, new if isinstance(new, ObjectRecord) else None, reason, changes)
            return
        name = NamedKey(key.namespace, key.name)
        own = self.reader.own_task(change.new, name)
        new, reason = (own, "") if own is not None else self.reader.record(change.new, key)
        task = new if isinstance(new, TaskRecord) else None
        self._settle_task(name, change, task, reason, changes, expected=own is not None)

    def _settle_task(
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

    def _apply_move(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_move(change.key)
        if key is None:
            self._judge(change, _BAD_MOVE_KEY, changes)
            return
        new, reason = attempt(reading.read_move, change.new, key)
        if new is not None:
            self.moves[key] = new
        else:
            self.moves.pop(key, None)
        self._judge(change, reason, changes)
        changes.append(CacheChange("move", key.name, change.revision, key))

    def _apply_rollout(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_rollout(change.key)
        if key is None:
            self._judge(change, "it is not where rollouts are: rollouts/<namespace>/<service>", changes)
            return
        new, reason = attempt(reading.read_rollout, change.new, key)
        self.rollouts.pop(key, None)
        if new is not None:
            self.rollouts[key] = new
        self._judge(change, reason, changes)
        changes.append(CacheChange("object", key.name, change.revision, object=ObjectKey("Service", *key)))

    def _apply_run(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_run(change.key)
        if key is None:
            self._judge(change, "it is not where runs of jobs are: runs/<namespace>/<job>", changes)
            return
        new, reason = attempt(reading.read_run, change.new, key)
        self.runs.pop(key, None)
        if new is not None:
            self.runs[key] = new
        self._judge(change, reason, changes)
        changes.append(CacheChange("object", key.name, change.revision, object=ObjectKey("Job", *key)))

    def _apply_ticks(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_ticks(change.key)
        if key is None:
            self._judge(change, "it is not where the times of crons are: ticks/<namespace>/<cron>", changes)
            return
        new, reason = attempt(reading.read_ticks, change.new, key)
        self.ticks.pop(key, None)
        if new is not None:
            self.ticks[key] = new
        self._judge(change, reason, changes)
        changes.append(CacheChange("object", key.name, change.revision, object=ObjectKey("Cron", *key)))

    def _apply_result(self, change: Change, changes: list[CacheChange]) -> None:
        uid = keys.parse_result(change.key)
        if not uid:
            self._judge(change, "it is not where results are: results/<uid>", changes)
            return
        new, reason = attempt(reading.read_result, change.new, uid)
        self.results.pop(uid, None)
        if new is not None:
            self.results[uid] = new
        self._judge(change, reason, changes)
        owner = self.owner(uid)
        about, made_for = (owner.key, owner_of(owner.task)) if owner else (None, None)
        changes.append(CacheChange("result", uid, change.revision, about, owner=made_for))

    def _apply_node(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_node(change.key)
        if key is None:
            self._judge(change, _BAD_NODE_KEY, changes)
            return
        if key.part == "anchor":
            return  # Its agent's alone. It outlives the node, and must not make it look as if it were still there.
        if key.part == "assignments":
            own = self.reader.own_assignment(change.new, key.node)
            new, reason = (own, "") if own is not None else self.reader.assignment(change.new, key)
            self._settle_assignment(key.node, key.uid, change, new, reason, changes, expected=own is not None)
            return
        if key.part == "status":
            self._settle_status(key.node, key.uid, change, *self.reader.status(change.new, key), changes)
            return
        came_or_went = self._note_node(key.node, change)
        if key.part == "stats":
            self._replace_node(key.node, lambda record: replace(record, stats_entry=change.new))
            changes.append(CacheChange("stats", key.node, change.revision, node=key.node, room=came_or_went))
        elif key.part == "spec":
            spec, reason = attempt(reading.read_node_spec, change.new, key)
            revision = change.new.mod_revision if change.new else 0
            self._replace_node(key.node, lambda record: replace(record, spec=spec, spec_revision=revision))
            self._judge(change, reason, changes)
            changes.append(CacheChange("node", key.node, change.revision, node=key.node))
        else:
            lease, reason = attempt(reading.read_lease, change.new, key)
            life = change.new.create_revision if change.new else 0
            self._replace_node(key.node, lambda record: replace(record, lease=lease, lease_create_revision=life))
            self._judge(change, reason, changes)
            changes.append(CacheChange("node", key.node, change.revision, node=key.node))

    def _settle_assignment(
        self,
        node: str,
        uid: str,
        change: Change,
        new: AssignmentRecord | None,
        reason: str,
        changes: list[CacheChange],
        *,
        expected: bool = False,
    ) -> None:
        came_or_went = self._note_node(node, change)
        old = self.assignments.exchange(uid, node, new)
        room = self._charge(node, uid) or came_or_went
        named, before = new.key if new else None, old.key if old else None
        self._settle("assignment", node, uid, change, reason, named, before, changes, room=room, expected=expected)

    def _settle_status(
        self,
        node: str,
        uid: str,
        change: Change,
        new: StatusRecord | None,
        reason: str,
        changes: list[CacheChange],
    ) -> None:
        came_or_went = self._note_node(node, change)
        old = self.statuses.exchange(uid, node, new)
        ends = (new is not None and new.status.state.terminal) or (old is not None and old.status.state.terminal)
        room = (ends and self._charge(node, uid)) or came_or_went
        named, before = new.key if new else None, old.key if old else None
        self._settle("status", node, uid, change, reason, named, before, changes, room=room)

    def _settle(
        self,
        kind: ChangeKind,
        node: str,
        uid: str,
        change: Change,
        reason: str,
        named: NamedKey | None,
        before: NamedKey | None,
        changes: list[CacheChange],
        *,
        room: bool,
        expected: bool = False,
    ) -> None:
        """What an assignment and a status have in common once their table is up to date. `named`: the task that it says
        it is of, and `before`: that it said."""
        if reason or self.quarantined:
            self._judge(change, reason, changes)
        if named != before:
            if named is not None:
                self.placed_as.add(named, uid)
            if before is not None:
                self._leave_name(uid, before)
        about = self.owner_key(uid)
        made_for = owner_of(self.tasks[about].task) if about is not None else None
        about = about or named or before
        changes.append(
            CacheChange(kind, uid, change.revision, about, owner=made_for, node=node, room=room, expected=expected)
        )

    def _leave_name(self, uid: str, name: NamedKey) -> None:
        held: list[AssignmentRecord | StatusRecord] = [*self.assignments.of(uid).values()]
        held += self.statuses.of(uid).values()
        if all(record.key != name for record in held):
            self.placed_as.discard(name, uid)

    def _charge(self, node: str, uid: str) -> bool:
        """Count what this task holds on this node, after its assignment changed, or a status by which it had ended.
        True when it is other than before."""
        held = self.assignments.on(uid, node)
        status = self.statuses.on(uid, node)
        ended = held and status and status.status.state.terminal and status.status.epoch >= held.assignment.epoch
        demand = held.demand if held and not ended else None
        usage = self.usage.get(node)
        if usage is None:
            usage = self.usage[node] = Usage()
        changed = usage.set(uid, demand)
        if not usage.by_uid:
            del self.usage[node]
        return changed

    def _note_node(self, node: str, change: Change) -> bool:
        """A node is there as long as any of its keys is: also when all that is left are records of lost tasks. True
        when it has come or gone."""
        count = self._node_keys.get(node, 0) + (change.new is not None) - (change.old is not None)
        if count:
            self._node_keys[node] = count
            if node in self.nodes:
                return False
            self.nodes[node] = NodeRecord(node)
            return True
        self._node_keys.pop(node, None)
        return self.nodes.pop(node, None) is not None

    def _replace_node(self, node: str, changed: Callable[[NodeRecord], NodeRecord]) -> None:
        record = self.nodes.get(node)
        if record is not None:
            self.nodes[node] = changed(record)

    def _judge(self, change: Change, reason: str, changes: list[CacheChange]) -> None:
        """Quarantine the value with the reason, or lift the quarantine that its predecessor was under."""
        if not reason and not self.quarantined:
            return
        known = self.quarantined.pop(change.key, "")
        if reason and change.new is not None:
            self.quarantined[change.key] = reason
        elif not known:
            return
        changes.append(CacheChange("quarantine", change.key, change.revision))


def _bad_object_key(key: str) -> str:
    names = BY_PLURAL[key[len(keys.ROOT) :].partition("/")[0]]
    return f"it is not where {names.plural} are: {names.plural}/{'<namespace>/' if names.namespaced else ''}<name>"
