"""What is to be done next about one uid: ask for a stop, finish a deletion, clear away leftovers, or nothing. Pure.

One step at a time; the change that it makes in the store brings the next look. DESIGN 5 and the life cycle of
assignments and statuses (`taskyard.objects.assignment`) are what it follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import msgspec

from controlplane.cluster import AssignmentRecord, ResultRecord, StatusRecord, TaskRecord
from controlplane.leading import Proposal
from taskyard import keys
from taskyard.objects import Task, encode
from taskyard.store.api import Compare, Delete, Operation, Put, absent, unchanged

GRACE_ANNOTATION = "taskyard/grace-period"
"""Seconds, on a task that is being deleted: they replace its spec's grace period."""
_LONGEST_GRACE = 86_400.0


class Situation(msgspec.Struct, frozen=True):
    """All that is known about one uid, as of one revision."""

    uid: str
    task: TaskRecord | None
    """Whose uid it is; None when no valid task has it."""
    assignments: Mapping[str, AssignmentRecord] = msgspec.field(default_factory=dict)
    statuses: Mapping[str, StatusRecord] = msgspec.field(default_factory=dict)
    result: ResultRecord | None = None
    uncounted: bool = False
    """The job controller has yet to count the result."""
    ready_nodes: frozenset[str] = frozenset()
    """Those of the nodes concerned whose agent's lease is there."""
    unsettled: bool = False
    """A task of the same name is there that is not valid or not complete, so it may be this one once it is."""
    named: tuple[Compare, ...] = ()
    """Without a task: that the name it had is still as it was seen. A value put there since may be the task again."""


@dataclass(frozen=True, slots=True)
class Step:
    """`what` is for the log: stop, finalise or sweep."""

    what: str
    uid: str


def decide(situation: Situation) -> Proposal[Step] | None:
    task = situation.task
    if task is None:
        return None if situation.unsettled else _sweep(situation, set(situation.assignments) | set(situation.statuses))
    if task.task.metadata.deletion_timestamp:
        return _delete(situation, task)
    return _sweep(situation, _misplaced(situation, task))


def _delete(situation: Situation, task: TaskRecord) -> Proposal[Step] | None:
    held = situation.assignments.get(task.node)
    if held is None or held.assignment.epoch != _epoch(task):
        return _finalise(situation, task)
    if task.node not in situation.ready_nodes:
        # Should the node come back first, its agent is asked to stop; if later, it finds the assignment gone.
        return _finalise(situation, task, absent(keys.node_lease(task.node)))
    grace = grace_period(task.task)
    if held.assignment.desired != "Stopped" or held.assignment.grace_period != grace:
        stopped = msgspec.structs.replace(held.assignment, desired="Stopped", grace_period=grace)
        compares = (unchanged(task.entry), unchanged(held.entry))
        return Proposal(Step("stop", situation.uid), compares, (Put(held.entry.key, encode(stopped)),))
    status = situation.statuses.get(task.node)
    if not _ended(held, status):
        return None
    return _finalise(situation, task, unchanged(held.entry))


def _finalise(situation: Situation, task: TaskRecord, *compares: Compare) -> Proposal[Step] | None:
    """Task, assignment, status and result go in one commit, with whatever else is left of it; a result once it is
    counted, and none that comes meanwhile."""
    if situation.uncounted:
        return None
    nodes = set(situation.assignments) | set(situation.statuses)
    if task.node:
        nodes.add(task.node)
    operations: list[Operation] = [Delete(task.entry.key)]
    if _is_jobs(task.task):
        place, result = keys.result(situation.uid), situation.result
        compares = (*compares, unchanged(result.entry) if result is not None else absent(place))
        operations.append(Delete(place))
    for node in sorted(nodes):
        operations += [Delete(keys.assignment(node, situation.uid)), Delete(keys.status(node, situation.uid))]
    return Proposal(Step("finalise", situation.uid), (unchanged(task.entry), *compares), tuple(operations))


def _misplaced(situation: Situation, task: TaskRecord) -> set[str]:
    """The nodes that have something of a task which is not bound there, or a status without an assignment.

    An assignment of another epoch on the right node is the scheduler's to overwrite: it binds anew.
    """
    nodes = {node for node in situation.assignments if node != task.node}
    return nodes | {node for node in situation.statuses if node != task.node or node not in situation.assignments}


def _sweep(situation: Situation, nodes: set[str]) -> Proposal[Step] | None:
    if not nodes:
        return None
    compares: list[Compare] = [*situation.named]
    if situation.task is not None:
        compares.append(unchanged(situation.task.entry))
    if singletons := sorted(node for node in nodes if _may_run_alone(situation, node)):
        return _stop_first(situation, singletons, compares)
    operations: list[Operation] = []
    for node in sorted(nodes):
        held, status = situation.assignments.get(node), situation.statuses.get(node)
        place = keys.assignment(node, situation.uid)
        compares.append(unchanged(held.entry) if held is not None else absent(place))
        operations.append(Delete(keys.status(node, situation.uid)))
        if situation.task is None and held is not None and held.assignment.result_of:
            operations.append(Delete(keys.result(situation.uid)))
        if held is not None:
            operations.append(Delete(place))
        elif status is not None:
            compares.append(unchanged(status.entry))
    return Proposal(Step("sweep", situation.uid), tuple(compares), tuple(operations))


def _may_run_alone(situation: Situation, node: str) -> bool:
    """A copy of a singleton: its assignment stays until the agent has said that it ended, because whatever takes its
    place, a task of the same name too, waits for that."""
    held, status = situation.assignments.get(node), situation.statuses.get(node)
    if held is None or not held.assignment.spec.singleton or node not in situation.ready_nodes:
        return False
    return not _ended(held, status)


def _ended(held: AssignmentRecord, status: StatusRecord | None) -> bool:
    """Its agent has said so of this epoch or of a later one."""
    return status is not None and status.status.epoch >= held.assignment.epoch and status.status.state.terminal


def _stop_first(situation: Situation, nodes: list[str], compares: list[Compare]) -> Proposal[Step] | None:
    running = [h for node in nodes if (h := situation.assignments[node]).assignment.desired != "Stopped"]
    if not running:
        return None
    stops = (Put(h.entry.key, encode(msgspec.structs.replace(h.assignment, desired="Stopped"))) for h in running)
    return Proposal(Step("stop", situation.uid), (*compares, *(unchanged(h.entry) for h in running)), tuple(stops))


def grace_period(task: Task) -> float | None:
    """Seconds from the annotation; None, for the spec's own, when there is none or it is not a number of seconds."""
    try:
        seconds = float(task.metadata.annotations[GRACE_ANNOTATION])
    except (KeyError, ValueError):
        return None
    return min(seconds, _LONGEST_GRACE) if isfinite(seconds) and seconds >= 0 else None


def _is_jobs(task: Task) -> bool:
    owner = task.metadata.owner
    return owner is not None and owner.kind == "Job"


def _epoch(task: TaskRecord) -> int:
    return task.task.binding.epoch if task.task.binding else 0
