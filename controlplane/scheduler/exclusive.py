"""What has to be over elsewhere before a singleton is bound to a node: at most one copy of it may run. Pure.

On a node that lives the copy is stopped first, and its agent's word is awaited; on a lost one the lease has to be gone
for long enough, by when the watchdog there has killed it (`nodeagent.guard`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from controlplane.cluster import AssignmentRecord, ClusterCache, TaskRecord
from controlplane.leading import Proposal
from controlplane.nodeloss import Losses, gone_for_good
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import encode
from taskyard.store.api import Compare, Put, absent, unchanged


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing of it runs there, as long as these hold."""

    compares: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """It has to be stopped there first."""

    held: AssignmentRecord


@dataclass(frozen=True, slots=True)
class Ending:
    """It has been asked to stop, or will have been killed: look again at `until` (monotonic), or when told (None)."""

    until: float | None


Elsewhere = Over | Running | Ending


def elsewhere(cache: ClusterCache, losses: Losses, record: TaskRecord, now: float) -> Mapping[str, Elsewhere]:
    """By node, for a task that is a singleton, or was one when it was bound, or is stopped to make room: that is free
    once its container is gone. Call it under the cache's lock."""
    assigned = cache.assignments_of(record.uid)
    if not assigned or not (
        record.task.spec.singleton
        or any(held.assignment.spec.singleton or held.assignment.desired == "Stopped" for held in assigned.values())
    ):
        return {}
    return {node: _judge(cache, losses, node, held, now) for node, held in assigned.items()}


def succeeds(cache: ClusterCache, record: TaskRecord) -> bool:
    """A singleton that has to wait: one of the same name is not over yet, whose key was deleted or overwritten by hand
    and whose assignment the task controller clears away. Call it under the cache's lock."""
    if not record.task.spec.singleton:
        return False
    for uid in cache.placed_as(record.key) - {record.uid}:
        if cache.by_uid(uid) is None and any(h.assignment.spec.singleton for h in cache.assignments_of(uid).values()):
            return True
    return False


def _judge(cache: ClusterCache, losses: Losses, node: str, held: AssignmentRecord, now: float) -> Elsewhere:
    status = cache.status_on(held.assignment.uid, node)
    if status is not None and status.status.state.terminal and status.status.epoch >= held.assignment.epoch:
        return Over((unchanged(status.entry), unchanged(held.entry)))
    known = cache.nodes.get(node)
    if known is not None and known.ready:
        return Ending(None) if held.assignment.desired == "Stopped" else Running(held)
    until = gone_for_good(losses, node, now)
    return Over((absent(keys.node_lease(node)),)) if until <= now else Ending(until)


def stop(record: TaskRecord, held: AssignmentRecord, reason: str = "") -> Proposal[NamedKey]:
    """`reason`: for people; empty: so that it can move."""
    stopped = msgspec.structs.replace(held.assignment, desired="Stopped", reason=reason)
    return Proposal(
        record.key, (unchanged(record.entry), unchanged(held.entry)), (Put(held.entry.key, encode(stopped)),)
    )
