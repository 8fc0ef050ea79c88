"""The store as its history says it is, key by key: what the checker judges changes by. It has no rules of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from msgspec import json

from controlplane.cluster.demand import Demand, demand_of
from taskyard import keys
from taskyard.keys import NodeKey
from taskyard.objects import (
    Assignment,
    BadValue,
    Move,
    NamedVolume,
    NodeAnchor,
    NodeLease,
    NodeSpec,
    Task,
    TaskSpec,
    TaskState,
    TaskStatus,
    decode,
    spec_hash,
)
from taskyard.objects.assignment import EVICTED
from taskyard.store.api import Entry


@lru_cache(maxsize=4096)
def _demanded(raw: bytes) -> tuple[Assignment, Demand]:
    assignment = decode(raw, Assignment)
    return assignment, demand_of(assignment.spec)


class Mirror:
    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.tasks: dict[str, Task] = {}
        """By key: those that can be read."""
        self.unreadable: set[str] = set()
        """Keys of tasks whose value is none."""
        self.assignments: dict[str, dict[str, Assignment]] = {}
        """By node and uid."""
        self.statuses: dict[str, dict[str, TaskStatus]] = {}
        self.leases: dict[str, NodeLease] = {}
        self.specs: dict[str, NodeSpec] = {}
        self.anchors: dict[str, NodeAnchor] = {}
        self.leaders: dict[str, str] = {}
        """By role, who holds its key."""
        self.homes: dict[str, str] = {}
        """By name of a volume of the namespace `default`: the node that is on record."""
        self.wishes: dict[str, Move] = {}
        """Moves that were asked for, and not yet granted or refused, by the key of the task."""
        self.demands: dict[tuple[str, str], Demand] = {}
        self.by_uid: dict[str, str] = {}
        """The key of the task with that uid."""
        self.placed: dict[str, set[str]] = {}
        """The nodes where that uid has an assignment."""
        self.reported: dict[str, set[str]] = {}
        """The nodes where that uid has a status."""
        self._hashes: dict[str, tuple[TaskSpec, str]] = {}
        """By uid, of the spec that was last asked about."""
        for entry in entries:
            self.put(entry.key, entry.value)

    def of_uid(self, uid: str) -> Task | None:
        key = self.by_uid.get(uid)
        return self.tasks.get(key) if key is not None else None

    def spec_hash(self, task: Task) -> str:
        spec, uid = task.spec, task.metadata.uid
        known = self._hashes.get(uid)
        if known is None or known[0] is not spec:
            known = self._hashes[uid] = spec, spec_hash(spec)
        return known[1]

    def agree(self, uid: str) -> bool:
        """The task's binding and the assignments."""
        task, placed = self.of_uid(uid), self.placed.get(uid, set())
        binding = task.binding if task is not None else None
        if binding is None:
            return not placed
        return placed == {binding.node} and self.assignments[binding.node][uid].epoch == binding.epoch

    def evicted(self, task: Task) -> bool:
        """It was asked to leave its node for a taint, and its agent has said that it ended."""
        binding, uid = task.binding, task.metadata.uid
        held = self.assignments.get(binding.node, {}).get(uid) if binding is not None else None
        if binding is None or held is None or not held.reason.startswith(EVICTED):
            return False
        status = self.statuses.get(binding.node, {}).get(uid)
        return status is not None and status.state.terminal and status.epoch >= held.epoch

    def waits(self, task: Task) -> bool:
        """It has no node, or none for the spec that it has, or was stopped there to make room for another."""
        binding = task.binding
        if binding is None or binding.spec_hash != self.spec_hash(task):
            return True
        held = self.assignments.get(binding.node, {}).get(task.metadata.uid)
        return held is not None and held.desired == "Stopped" and not task.metadata.deletion_timestamp

    def is_unsettled(self, key: str) -> bool:
        """What is there was put by hand, and cannot be read or has no uid yet."""
        task = self.tasks.get(key)
        return key in self.unreadable or (task is not None and not task.metadata.uid)

    def is_over(self, node: str, uid: str) -> bool:
        """What is assigned there has ended, by its agent's word, and takes no room."""
        status = self.statuses.get(node, {}).get(uid)
        return status is not None and status.state.terminal and status.epoch >= self.assignments[node][uid].epoch

    def runs(self, node: str, uid: str) -> bool:
        """By its agent's word, as it is assigned."""
        status = self.statuses.get(node, {}).get(uid)
        there = status is not None and status.epoch >= self.assignments[node][uid].epoch
        return there and status is not None and status.state is TaskState.RUNNING

    def holds(self, uid: str) -> bool:
        """It has room on some node."""
        return any(uid in here and not self.is_over(node, uid) for node, here in self.assignments.items())

    def demand_of(self, task: Task) -> Demand:
        """Of one that is bound."""
        assert task.binding is not None
        return self.demands[task.binding.node, task.metadata.uid]

    def put(self, key: str, value: bytes | None) -> None:
        """None: it is deleted."""
        if key.startswith(keys.TASKS):
            self._task(key, value)
        elif key.startswith(keys.LEADERS):
            self.leaders[key.removeprefix(keys.LEADERS)] = json.decode(value)["identity"] if value else ""
        elif (volume := keys.parse_object(key)) is not None and volume.kind == "Volume":
            self.homes.pop(volume.name, None)
            if value:
                self.homes[volume.name] = decode(value, NamedVolume).spec.node
        elif (moving := keys.parse_move(key)) is not None:
            self.wishes.pop(keys.task(*moving), None)
            if value:
                self.wishes[keys.task(*moving)] = decode(value, Move)
        elif (parsed := keys.parse_node(key)) is not None:
            self._node(parsed, value)

    def _task(self, key: str, value: bytes | None) -> None:
        old = self.tasks.pop(key, None)
        if old is not None and self.by_uid.get(old.metadata.uid) == key:
            del self.by_uid[old.metadata.uid]
        self.unreadable.discard(key)
        if value is None:
            return
        new = read_task(key, value)
        if new is None:
            self.unreadable.add(key)
            return
        self.tasks[key] = new
        if new.metadata.uid:
            self.by_uid[new.metadata.uid] = key

    def _node(self, key: NodeKey, value: bytes | None) -> None:
        node, uid = key.node, key.uid
        if key.part == "lease":
            self.leases.pop(node, None)
            if value:
                self.leases[node] = decode(value, NodeLease)
        elif key.part == "spec":
            self.specs.pop(node, None)
            if value:
                self.specs[node] = decode(value, NodeSpec)
        elif key.part == "anchor":
            self.anchors.pop(node, None)
            if value:
                self.anchors[node] = decode(value, NodeAnchor)
        elif key.part == "status":
            here = self.statuses.setdefault(node, {})
            if value:
                here[uid] = decode(value, TaskStatus)
                self.reported.setdefault(uid, set()).add(node)
            else:
                here.pop(uid, None)
                self.reported.get(uid, set()).discard(node)
        elif key.part == "assignments":
            self._assignment(node, uid, value)

    def _assignment(self, node: str, uid: str, value: bytes | None) -> None:
        held = self.assignments.setdefault(node, {})
        if value is None:
            held.pop(uid, None)
            self.demands.pop((node, uid), None)
            self.placed.get(uid, set()).discard(node)
            return
        held[uid], self.demands[node, uid] = _demanded(value)
        self.placed.setdefault(uid, set()).add(node)


def read_task(key: str, value: bytes) -> Task | None:
    """None for a value that is no task, or another than its key says."""
    try:
        task = decode(value, Task)
        demand_of(task.spec)
    except (BadValue, ValueError):
        return None
    return task if keys.task(task.metadata.namespace, task.metadata.name) == key else None
