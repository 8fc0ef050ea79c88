"""What an object needs that was put by hand, to be like one that came through the API. Pure.

`etcdctl put` of a manifest over a running task means the same as applying it: the task keeps its uid and its binding,
and the scheduler sees a new spec.
"""

from __future__ import annotations

import msgspec

from controlplane.cluster import AssignmentRecord, ObjectRecord, TaskRecord
from controlplane.defaults import admitted
from taskyard.clock import timestamp
from taskyard.objects import AnyObject, Binding, Metadata, Task, TaskDefaults
from taskyard.objects.normal import normalize


def is_complete(record: TaskRecord) -> bool:
    """There is nothing that `complete` would add, or spell otherwise, if its uid is its own."""
    metadata = record.task.metadata
    return bool(metadata.uid and metadata.created_at) and metadata.generation >= 1 and record.normal


def complete(
    record: TaskRecord,
    *,
    copied: bool,
    running: AssignmentRecord | None,
    now: float,
    uid: str,
    defaults: TaskDefaults,
) -> Task | None:
    """The task as it should be; None when it already is.

    `copied`: its uid is another task's, whose value was copied to this key. `running`: the assignment of the task that
    had this key before, if that is still there and its task is not. `uid`: a new one, in case it is needed. `defaults`:
    its namespace's, for what nobody has completed before.
    """
    metadata, binding = record.task.metadata, record.task.binding
    new = copied or not metadata.uid
    if copied:
        metadata = msgspec.structs.replace(metadata, uid="", created_at="", generation=0, deletion_timestamp="")
        binding = None
    elif not metadata.uid and running is not None:
        held = running.assignment
        metadata = msgspec.structs.replace(metadata, uid=held.uid, deletion_timestamp="")
        binding = Binding(node=running.node, epoch=held.epoch, spec_hash=held.spec_hash, bound_at=held.assigned_at)
    elif not metadata.uid:
        # Without a uid there is nothing that it can be bound to.
        binding = None
    metadata = _filled(metadata, now, uid)
    task = msgspec.structs.replace(record.task, metadata=metadata, spec=normalize(record.task.spec), binding=binding)
    if new:
        task = admitted(task, None, defaults)
    return None if task == record.task else task


def complete_object(
    record: ObjectRecord, *, copied: bool, now: float, uid: str, defaults: TaskDefaults
) -> AnyObject | None:
    """As `complete`, for an object that nothing runs for under its own uid."""
    metadata = record.value.metadata
    new = copied or not metadata.uid
    if copied:
        metadata = msgspec.structs.replace(metadata, uid="", created_at="", generation=0, deletion_timestamp="")
    value = msgspec.structs.replace(
        record.value, metadata=_filled(metadata, now, uid), spec=normalize(record.value.spec)
    )
    if new:
        value = admitted(value, None, defaults)
    return None if value == record.value else value


def _filled(metadata: Metadata, now: float, uid: str) -> Metadata:
    return msgspec.structs.replace(
        metadata,
        uid=metadata.uid or uid,
        created_at=metadata.created_at or timestamp(now),
        generation=max(metadata.generation, 1),
    )
