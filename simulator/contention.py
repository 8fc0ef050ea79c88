"""What is promised where room is short: whose tasks are stopped for whose, how many are left, gangs, and quotas.

Judged by the store's history. What a scheduler could not know yet, by the time that news may take, is not held against
it. The checker tells what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from controlplane.cluster.demand import Demand
from controlplane.placement.quotas import Allowance, Amount, allowance_of, over
from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment, Namespace, Task, decode
from taskyard.objects.job import ATTEMPT, INDEX
from taskyard.objects.service import SLOT
from taskyard.store.api import Entry

_NEWS = 15.0
"""Seconds: a leader that is frozen, or hears late, decides on what was so before, until its lease is over."""
_FOR = re.compile(r"to make room for (\S+)/(\S+) \(priority (-?\d+) over -?\d+\)")
_NO_QUOTA = Allowance()
_OF_ONE_TASK = frozenset({SLOT, INDEX, ATTEMPT})
"""Labels by which the tasks of a service or a job are told apart, and which no budget counts by."""


@dataclass(slots=True)
class Contention:
    priorities: dict[str, set[int]] = field(default_factory=dict)
    """By the key of a task, those that it ever had."""
    _quotas: dict[str, list[tuple[float, Allowance]]] = field(default_factory=dict)
    """By namespace, each with the time until which it held; the last one holds."""
    _grown: dict[str, tuple[float, Demand]] = field(default_factory=dict)
    """uid → when it was bound anew to the node that it is on, and what it had there until then."""
    _ran: dict[str, tuple[float, Assignment]] = field(default_factory=dict)
    """uid → what was to run and has ended since, or was stopped for another reason than room, and when."""
    _gangs: dict[str, dict[str, float]] = field(default_factory=dict)
    """By gang, the keys of its tasks that have or had a node, with when that was last so."""

    _moved: set[str] = field(default_factory=set)
    """uids of those that this transaction moves."""

    def note_task(self, key: str, task: Task) -> None:
        self.priorities.setdefault(key, set()).add(task.spec.priority)

    def note_namespace(self, key: str, entry: Entry | None, now: float) -> None:
        past = self._quotas.setdefault(key.rpartition("/")[2], [(now, _NO_QUOTA)])
        past[-1] = now, past[-1][1]
        past.append((now, allowance_of(decode(entry.value, Namespace).spec.quota) if entry is not None else _NO_QUOTA))

    def restored(self, entries: Iterable[Entry], now: float) -> None:
        found = {entry.key: entry for entry in entries}
        for name in self._quotas:
            key = keys.object_key(ObjectKey("Namespace", "default", name))
            self.note_namespace(key, found.get(key), now)

    def note_running(self, held: Assignment, now: float) -> None:
        """It is to run, and something of it changes."""
        self._ran[held.uid] = now, held

    def check_stopped(self, mirror: Mirror, node: str, before: Assignment, after: Assignment, now: float) -> None:
        """By a scheduler; without a reason it is a singleton that moves."""
        found = _FOR.search(after.reason)
        if before.desired == "Stopped" or after.desired != "Stopped" or found is None:
            return
        name, uid, priority = before.name, before.uid, int(found[3])
        if priority not in self.priorities.get(keys.task(found[1], found[2]), set()):
            raise Violation(f"{name} was stopped for {found[2]}, which never had the priority {priority}", uid)
        task = mirror.of_uid(uid)
        own = max(before.spec.priority, task.spec.priority if task is not None else before.spec.priority)
        if own >= priority:
            raise Violation(f"{name}, of priority {own}, was stopped on {node} for one of priority {priority}", uid)
        self.forget(uid)
        self.check_left(mirror, after, "stopped to make room", now)

    def forget(self, uid: str) -> None:
        """It was stopped while budgets hold, which counts at once."""
        self._ran.pop(uid, None)

    def check_left(self, mirror: Mirror, stopped: Assignment, how: str, now: float) -> None:
        """So many as each that runs says are left of those with its labels, where one of these was stopped."""
        running: dict[str, Assignment] = {}
        for node, here in mirror.assignments.items():
            running |= {
                u: held for u, held in here.items() if held.desired == "Running" and not mirror.is_over(node, u)
            }
        left = {uid: held for uid, (at, held) in self._ran.items() if at > now - _NEWS} | running
        for one in running.values():
            least = min(_least(mirror, one), self._asked_for_before(one, now))
            if least and one.namespace == stopped.namespace and _selects(one, stopped):
                count = sum(one.namespace == other.namespace and _selects(one, other) for other in left.values())
                if count < least:
                    raise Violation(
                        f"{stopped.name} was {how}, and {count} like {one.name} are left of {least}",
                        stopped.uid,
                    )

    def is_kept(self, mirror: Mirror, held: Assignment) -> bool:
        """By a budget: of those that it counts no more run than have to be left."""
        running = [
            one
            for node, here in mirror.assignments.items()
            for one in here.values()
            if one.desired == "Running" and mirror.runs(node, one.uid)
        ]
        return any(
            sum(one.namespace == held.namespace and _counts(labels, one) for one in running) <= least
            for labels, least in self._budgets_of(mirror, held)
        )

    def is_protected(self, mirror: Mirror, held: Assignment) -> bool:
        """Some budget counts it."""
        return bool(self._budgets_of(mirror, held))

    @staticmethod
    def _budgets_of(mirror: Mirror, held: Assignment) -> list[tuple[Mapping[str, str], int]]:
        """By which labels, and how many: those of tasks that wait for a node count, too."""
        found: list[tuple[Mapping[str, str], int]] = []
        for task in mirror.tasks.values():
            node = task.binding.node if task.binding is not None else ""
            bound = mirror.assignments.get(node, {}).get(task.metadata.uid)
            labels = bound.labels if bound is not None else task.metadata.labels
            least = task.spec.min_available
            if least and task.metadata.namespace == held.namespace and _counts(labels, held):
                found.append((labels, least))
        return found

    def _asked_for_before(self, one: Assignment, now: float) -> int:
        """A budget that comes into force in the transaction that stops a task was none when that was chosen."""
        at, before = self._ran.get(one.uid, (now, one))
        return before.spec.min_available if at == now else one.spec.min_available

    def made_way(self, mirror: Mirror, task: Task) -> bool:
        """It was stopped for another one, and has ended, so it may go where there is room."""
        binding, uid = task.binding, task.metadata.uid
        held = mirror.assignments.get(binding.node, {}).get(uid) if binding is not None else None
        stopped = held is not None and _FOR.search(held.reason) is not None and held.desired == "Stopped"
        return binding is not None and stopped and mirror.is_over(binding.node, uid)

    def note_moved(self, uid: str) -> None:
        """It ran already, and is bound anew only because somebody wished it elsewhere."""
        self._moved.add(uid)

    def check_gangs(self, mirror: Mirror, bound: Iterable[Task], now: float) -> None:
        """After a transaction that bound these. What is moved is whole already, or less by what users have deleted."""
        moved, self._moved = self._moved, set()
        for task in bound:
            gang = task.spec.gang
            if gang is None or task.metadata.uid in moved:
                continue
            placed = self._gangs.setdefault(gang.name, {})
            for key, other in mirror.tasks.items():
                if other.binding is not None and other.spec.gang is not None and other.spec.gang.name == gang.name:
                    placed[key] = now
            together = [key for key, at in placed.items() if at > now - _NEWS]
            if len(together) < gang.size:
                raise Violation(
                    f"{len(together)} of the gang {gang.name} are bound, not {gang.size}", task.metadata.uid
                )

    def note_unbound(self, key: str, task: Task, now: float) -> None:
        """It had a node until now."""
        if task.spec.gang is not None and task.binding is not None:
            self._gangs.setdefault(task.spec.gang.name, {})[key] = now

    def check_quotas(self, mirror: Mirror, bound: Iterable[Task], now: float) -> None:
        """After a transaction that bound these: what they have together was allowed, if only a moment ago."""
        for task in bound:
            namespace, uid = task.metadata.namespace, task.metadata.uid
            past = [held for until, held in self._quotas.get(namespace, ()) if until > now - _NEWS]
            allowed = [*past, self.quota(namespace)]
            if _NO_QUOTA in allowed:
                continue
            # What a task has more after a change counts for those that are bound with it only afterwards.
            grown = {of: had for of, (at, had) in self._grown.items() if at > now - _NEWS}
            others = spent(mirror, namespace, without={uid}, instead=grown)
            wrong = [
                over(each, others, _lesser(mirror.demand_of(task), grown.get(uid, mirror.demand_of(task))))
                for each in allowed
            ]
            if all(wrong):
                raise Violation(f"{task.metadata.name} was bound beyond its quota: {wrong[-1]}", uid)

    def note_bound_anew(self, uid: str, had: Demand, now: float) -> None:
        self._grown[uid] = now, had

    def quota(self, namespace: str) -> Allowance:
        past = self._quotas.get(namespace)
        return past[-1][1] if past else _NO_QUOTA


def spent(
    mirror: Mirror, namespace: str, *, without: Collection[str], instead: Mapping[str, Demand] | None = None
) -> Amount:
    """By all of the namespace that have a node that is there and have not ended, other than those uids.
    `instead`: what counts of some, where it is less."""
    found = Amount()
    for node, here in mirror.assignments.items():
        for uid, held in here.items() if node in mirror.leases else ():
            if held.namespace == namespace and uid not in without and not mirror.is_over(node, uid):
                demand, other = mirror.demands[node, uid], (instead or {}).get(uid)
                found = found.plus(_lesser(demand, other) if other is not None else demand)
    return found


def _least(mirror: Mirror, one: Assignment) -> int:
    """What its user has asked for and not taken back: of an edit that is not carried out yet, whatever says less. What
    somebody put there that cannot be read asks for nothing."""
    task = mirror.of_uid(one.uid)
    return min(one.spec.min_available, task.spec.min_available) if task is not None else 0


def _selects(one: Assignment, other: Assignment) -> bool:
    return _counts(one.labels, other)


def _counts(labels: Mapping[str, str], other: Assignment) -> bool:
    """By what tells the tasks of a service or a job apart nobody counts."""
    return all(other.labels.get(key) == value for key, value in labels.items() if key not in _OF_ONE_TASK)


def _lesser(one: Demand, other: Demand) -> Demand:
    return replace(
        one, cpu=min(one.cpu, other.cpu), memory=min(one.memory, other.memory), disk=min(one.disk, other.disk)
    )
