"""The agents of a forecast: whatever they are told to stop has stopped. What starts is taken to run."""

from __future__ import annotations

from controlplane.cluster import AssignmentRecord, ClusterCache
from taskyard import keys
from taskyard.objects import TaskState, TaskStatus, encode
from taskyard.store.api import Put, Store


def answer_stops(store: Store, cache: ClusterCache) -> bool:
    """Every agent that lives reports the end of what it was told to stop; whether there was anything."""
    with cache.lock:
        held = [each for uid in sorted(cache.placed_uids()) for each in cache.assignments_of(uid).values()]
        stopping = [each for each in held if each.assignment.desired == "Stopped" and not _ended(cache, each)]
    for each in stopping:
        assignment = each.assignment
        status = TaskStatus(
            uid=assignment.uid,
            namespace=assignment.namespace,
            name=assignment.name,
            epoch=assignment.epoch,
            state=TaskState.COMPLETED,
        )
        store.commit([], [Put(keys.status(each.node, assignment.uid), encode(status))])
    return bool(stopping)


def _ended(cache: ClusterCache, held: AssignmentRecord) -> bool:
    """Or nobody is there to end it."""
    node = cache.nodes.get(held.node)
    if node is None or not node.ready:
        return True
    status = cache.statuses_of(held.assignment.uid).get(held.node)
    return status is not None and status.status.state.terminal and status.status.epoch >= held.assignment.epoch
