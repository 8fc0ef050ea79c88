"""A placement written down: what a binding compares and what it puts and deletes. Pure.

One binding is one commit's worth of operations that stand or fall together (DESIGN 5): the task's binding, the
assignment on its node, and the end of whatever was left on others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.leading import Proposal
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Assignment, Binding, Task, encode
from taskyard.store.api import Compare, Delete, Operation, Put, absent, same_life, unchanged, unchanged_since


class Lost(msgspec.Struct, frozen=True, gc=False):
    node: str
    status_at: int
    """Mod revision of the task's status there; 0 when there is none."""


class Standing(msgspec.Struct, frozen=True):
    """What the store held about the task when its placement was decided."""

    record: TaskRecord
    epoch: int
    """The highest that was ever given to it, as far as anything left shows; 0 before the first."""
    assigned_at: dict[str, int]
    """Node → mod revision of its assignment there; includes nodes where only a status was left (0)."""
    lost: Lost | None = None
    """Set when nothing else asks for a new binding than that its node is lost."""
    volumes: tuple[Compare, ...] = ()
    """That where the data of its volumes is on record is as it was read."""


class Target(msgspec.Struct, frozen=True, gc=False):
    node: str
    life: int
    """Create revision of the node's lease when it was judged."""


class Bound(msgspec.Struct, frozen=True, gc=False):
    key: NamedKey
    uid: str
    node: str
    demand: Demand
    """What it sets aside on the node."""
    charge: Demand
    """What of it was not set aside there already when it was decided."""
    task: Task
    assignment: Assignment
    """As they are written."""
    lost: str = ""
    """The node that it is moved away from."""
    asked: str = ""
    """The node that it leaves because somebody asked for it."""
    gang: str = ""
    """Of those that are bound together."""


def standing_of(cache: ClusterCache, record: TaskRecord, *, lost: bool = False) -> Standing:
    """Call it under the cache's lock. `lost`: it is bound anew only because its node is lost."""
    assignments, statuses = cache.assignments_of(record.uid), cache.statuses_of(record.uid)
    volumes = _volumes_unchanged(cache, record)
    if not (assignments or statuses or record.task.binding):
        return Standing(record, 0, {}, volumes=volumes)
    epochs = [held.assignment.epoch for held in assignments.values()]
    epochs += [report.status.epoch for report in statuses.values()]
    epochs.append(record.task.binding.epoch if record.task.binding else 0)
    revisions = dict.fromkeys(statuses, 0)
    revisions.update((node, held.entry.mod_revision) for node, held in assignments.items())
    status = statuses.get(record.node)
    left = Lost(record.node, status.entry.mod_revision if status else 0) if lost else None
    return Standing(record, max(epochs), revisions, left, volumes)


def propose(
    standing: Standing,
    target: Target,
    charge: Demand,
    *,
    also: tuple[Compare, ...] = (),
    unread: int,
    gang: str = "",
    avoid: Sequence[str] = (),
    at: str,
) -> Proposal[Bound]:
    """`also`: what else it rests on. `unread`: mod revision of a value at the assignment's key that is not a valid one;
    0 when there is none. `avoid`: where it kept failing."""
    record, node = standing.record, target.node
    epoch = standing.epoch + 1
    binding = Binding(
        node=node,
        epoch=epoch,
        spec_hash=record.spec_hash,
        bound_at=at,
        avoid=list(avoid),
        lost_from=_lost_from(standing, node),
    )
    metadata = record.task.metadata
    assignment = Assignment(
        uid=record.uid,
        namespace=metadata.namespace,
        name=metadata.name,
        epoch=epoch,
        spec_hash=record.spec_hash,
        spec=record.task.spec,
        labels=metadata.labels,
        result_of=metadata.owner.uid if metadata.owner is not None and metadata.owner.kind == "Job" else "",
        assigned_at=at,
    )
    task = msgspec.structs.replace(record.task, binding=binding)
    place = keys.assignment(node, record.uid)
    compares: tuple[Compare, ...] = (
        unchanged(record.entry),
        same_life(keys.node_lease(node), target.life),
        unchanged_since(place, standing.assigned_at.get(node, 0) or unread),
        *_still_lost(standing.lost, record.uid),
        *standing.volumes,
        *also,
    )
    operations: tuple[Operation, ...] = (
        Put(record.entry.key, encode(task)),
        Put(place, encode(assignment)),
        *_leave((other for other in standing.assigned_at if other != node), record.uid),
    )
    lost = standing.lost.node if standing.lost else ""
    bound = Bound(record.key, record.uid, node, record.demand, charge, task, assignment, lost, gang=gang)
    return Proposal(bound, compares, operations)


def namespace_unchanged(cache: ClusterCache, namespace: str) -> Compare:
    """No cache is so late that a node is given by limits or a quota that were others by then. Call it under the
    cache's lock."""
    return _object_unchanged(cache, ObjectKey("Namespace", "default", namespace))


def _volumes_unchanged(cache: ClusterCache, record: TaskRecord) -> tuple[Compare, ...]:
    """No cache is so late that a task gets a node by what is known of its data, which was put on record by then."""
    names = record.demand.rules.volumes
    return tuple(_object_unchanged(cache, ObjectKey("Volume", record.key.namespace, name)) for name in names)


def _object_unchanged(cache: ClusterCache, object_key: ObjectKey) -> Compare:
    """Also of a value that nobody can read, which is none to whoever decides."""
    key = keys.object_key(object_key)
    known = cache.informer.entries.get(key)
    return unchanged_since(key, known.mod_revision if known is not None else 0)


def puts_of(proposal: Proposal[Bound]) -> list[Put]:
    """Of the task and of its assignment, in this order, as `propose` made them."""
    return [operation for operation in proposal.operations[:2] if isinstance(operation, Put)]


def _lost_from(standing: Standing, node: str) -> str:
    """It is remembered through losses, and through changes where it is; any other binding is a new beginning."""
    before = standing.record.task.binding
    if before is None or not (standing.lost or node == before.node):
        return ""
    came_from = before.lost_from or (standing.lost.node if standing.lost else "")
    return came_from if came_from != node else ""


def _still_lost(lost: Lost | None, uid: str) -> Iterable[Compare]:
    """A node that is back keeps its task, and what its agent reported at the last moment, an end perhaps, counts."""
    if lost is not None:
        yield absent(keys.node_lease(lost.node))
        yield unchanged_since(keys.status(lost.node, uid), lost.status_at)


def _leave(nodes: Iterable[str], uid: str) -> Iterable[Operation]:
    """A status never outlives its assignment; the agent stops the container when the assignment is gone."""
    for node in sorted(nodes):
        yield Delete(keys.assignment(node, uid))
        yield Delete(keys.status(node, uid))
