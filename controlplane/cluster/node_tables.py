"""The tables of nodes: what each says of itself, what is assigned to it, what its agent reports, and its use."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from controlplane.cluster import reading
from controlplane.cluster.index import OneToMany
from controlplane.cluster.object_tables import ObjectTables
from controlplane.cluster.placed import Placed
from controlplane.cluster.quarantine import Quarantine
from controlplane.cluster.reader import Reader, attempt
from controlplane.cluster.records import (
    AssignmentRecord,
    CacheChange,
    ChangeKind,
    NodeRecord,
    StatusRecord,
    owner_of,
)
from controlplane.cluster.usage import Usage
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.node_name import ACCEPTED
from taskyard.store.informer import Change

_BAD_NODE_KEY = (
    "it is not one of a node's keys: nodes/<node>/ and then spec, lease, stats, assignments/<uid> or status/<uid>;"
    f" a node's name is {ACCEPTED}"
)


class NodeTables:
    """`objects`: whose tasks the assignments and reports are of."""

    def __init__(self, reader: Reader, quarantine: Quarantine, objects: ObjectTables) -> None:
        self.nodes: dict[str, NodeRecord] = {}
        self.assignments: Placed[AssignmentRecord] = Placed()
        self.statuses: Placed[StatusRecord] = Placed()
        self.usage: dict[str, Usage] = {}
        self.placed_as: OneToMany[NamedKey, str] = OneToMany()
        """What assignments and statuses say they are of → their uids, whether or not that task is there."""
        self._reader, self._quarantine, self._objects = reader, quarantine, objects
        self._node_keys: dict[str, int] = {}
        """How many there are of each."""

    def apply(self, change: Change, changes: list[CacheChange]) -> None:
        key = keys.parse_node(change.key)
        if key is None:
            self._quarantine.judge(change, _BAD_NODE_KEY, changes)
            return
        if key.part == "anchor":
            return  # Its agent's alone. It outlives the node, and must not make it look as if it were still there.
        if key.part == "assignments":
            own = self._reader.own_assignment(change.new, key.node)
            new, reason = (own, "") if own is not None else self._reader.assignment(change.new, key)
            self.settle_assignment(key.node, key.uid, change, new, reason, changes, expected=own is not None)
            return
        if key.part == "status":
            self.settle_status(key.node, key.uid, change, *self._reader.status(change.new, key), changes)
            return
        came_or_went = self._note_node(key.node, change)
        if key.part == "stats":
            self._replace_node(key.node, lambda record: replace(record, stats_entry=change.new))
            changes.append(CacheChange("stats", key.node, change.revision, node=key.node, room=came_or_went))
        elif key.part == "spec":
            spec, reason = attempt(reading.read_node_spec, change.new, key)
            revision = change.new.mod_revision if change.new else 0
            self._replace_node(key.node, lambda record: replace(record, spec=spec, spec_revision=revision))
            self._quarantine.judge(change, reason, changes)
            changes.append(CacheChange("node", key.node, change.revision, node=key.node))
        else:
            lease, reason = attempt(reading.read_lease, change.new, key)
            life = change.new.create_revision if change.new else 0
            self._replace_node(key.node, lambda record: replace(record, lease=lease, lease_create_revision=life))
            self._quarantine.judge(change, reason, changes)
            changes.append(CacheChange("node", key.node, change.revision, node=key.node))

    def settle_assignment(
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

    def settle_status(
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
        if reason or self._quarantine.reasons:
            self._quarantine.judge(change, reason, changes)
        if named != before:
            if named is not None:
                self.placed_as.add(named, uid)
            if before is not None:
                self._leave_name(uid, before)
        about = self._objects.owner_key(uid)
        made_for = owner_of(self._objects.tasks[about].task) if about is not None else None
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
