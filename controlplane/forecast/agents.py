"""The agents of a forecast: what they are told to start runs, and is well; what they are told to stop has stopped."""

from __future__ import annotations

from controlplane.cluster import AssignmentRecord, ClusterCache
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.objects import TaskState, TaskStatus, encode
from taskyard.store.api import MAX_OPERATIONS, Put, Store


def obey(store: Store, cache: ClusterCache, now: float) -> bool:
    """Every agent that lives reports what it has done since; whether there was anything. `now`: since the epoch."""
    with cache.lock:
        held = [each for uid in sorted(cache.placed_uids()) for each in cache.assignments_of(uid).values()]
        reports = [(each, state) for each in held if (state := _news(cache, each)) is not None]
    puts = [Put(keys.status(e.node, e.assignment.uid), encode(_status(e, state, now))) for e, state in reports]
    for start in range(0, len(puts), MAX_OPERATIONS):
        store.commit([], puts[start : start + MAX_OPERATIONS])
    return bool(puts)


def _news(cache: ClusterCache, held: AssignmentRecord) -> TaskState | None:
    """The state that its agent reports next; None when it has nothing to tell, or is not there."""
    node = cache.nodes.get(held.node)
    if node is None or not node.ready:
        return None
    status = cache.status_on(held.assignment.uid, held.node)
    told = status is not None and status.status.epoch >= held.assignment.epoch
    if held.assignment.desired == "Stopped":
        return None if told and status is not None and status.status.state.terminal else TaskState.COMPLETED
    return None if told else TaskState.RUNNING


def _status(held: AssignmentRecord, state: TaskState, now: float) -> TaskStatus:
    assignment, runs = held.assignment, state is TaskState.RUNNING
    return TaskStatus(
        uid=assignment.uid,
        namespace=assignment.namespace,
        name=assignment.name,
        epoch=assignment.epoch,
        state=state,
        health="healthy" if runs and assignment.spec.health_check is not None else "",
        ready=runs,
        started_at=timestamp(now),
    )
