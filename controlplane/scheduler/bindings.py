"""A placement written down: what a binding compares and what it puts and deletes. Pure.

One binding is one commit's worth of operations that stand or fall together (DESIGN 5): the task's binding, the
assignment on its node, and the end of whatever was left on others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.leading import Proposal
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Assignment, Binding, encode
from taskyard.store.api import Compare, Delete, Operation, Put, same_life, unchanged, unchanged_since


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store held about the task when its placement was decided."""

    record: TaskRecord
    epoch: int
    """The highest that was ever given to it, as far as anything left shows; 0 before the first."""
    assigned_at: dict[str, int]
    """Node → mod revision of its assignment there; includes nodes where only a status was left (0)."""


@dataclass(frozen=True, slots=True)
class Target:
    node: str
    life: int
    """Create revision of the node's lease when it was judged."""


@dataclass(frozen=True, slots=True)
class Bound:
    key: NamedKey
    uid: str
    node: str
    charge: Demand
    """What it adds on the node until the cache has seen the assignment."""


def standing_of(cache: ClusterCache, record: TaskRecord) -> Standing:
    """Call it under the cache's lock."""
    assignments, statuses = cache.assignments_of(record.uid), cache.statuses_of(record.uid)
    epochs = [held.assignment.epoch for held in assignments.values()]
    epochs += [left.status.epoch for left in statuses.values()]
    epochs.append(record.task.binding.epoch if record.task.binding else 0)
    revisions = dict.fromkeys(statuses, 0)
    revisions.update((node, held.entry.mod_revision) for node, held in assignments.items())
    return Standing(record, max(epochs), revisions)


def propose(standing: Standing, target: Target, charge: Demand, *, unread: int, at: str) -> Proposal[Bound]:
    """`unread`: mod revision of a value at the assignment's key that is not a valid one; 0 when there is none."""
    record, node = standing.record, target.node
    epoch = standing.epoch + 1
    binding = Binding(node=node, epoch=epoch, spec_hash=record.spec_hash, bound_at=at)
    metadata = record.task.metadata
    assignment = Assignment(
        uid=record.uid,
        namespace=metadata.namespace,
        name=metadata.name,
        epoch=epoch,
        spec_hash=record.spec_hash,
        spec=record.task.spec,
        labels=metadata.labels,
        assigned_at=at,
    )
    place = keys.assignment(node, record.uid)
    compares: tuple[Compare, ...] = (
        unchanged(record.entry),
        same_life(keys.node_lease(node), target.life),
        unchanged_since(place, standing.assigned_at.get(node, 0) or unread),
    )
    operations: tuple[Operation, ...] = (
        Put(record.entry.key, encode(msgspec.structs.replace(record.task, binding=binding))),
        Put(place, encode(assignment)),
        *_leave((other for other in standing.assigned_at if other != node), record.uid),
    )
    return Proposal(Bound(record.key, record.uid, node, charge), compares, operations)


def _leave(nodes: Iterable[str], uid: str) -> Iterable[Operation]:
    """A status never outlives its assignment; the agent stops the container when the assignment is gone."""
    for node in sorted(nodes):
        yield Delete(keys.assignment(node, uid))
        yield Delete(keys.status(node, uid))
