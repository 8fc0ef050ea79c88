"""What is to be put on record of a task's volumes, and when a record goes again. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controlplane.cluster import ObjectRecord, TaskRecord
from controlplane.cluster.rules import pinned_volumes
from controlplane.leading import Proposal, Step
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, NamedVolume, NamedVolumeSpec, encode
from taskyard.store.api import Delete, Put, absent, unchanged


def volumes_of(record: TaskRecord) -> list[ObjectKey]:
    """Those that the task follows."""
    return [ObjectKey("Volume", record.key.namespace, name) for name in pinned_volumes(record.task.spec)]


def put_on_record(
    record: TaskRecord, missing: Sequence[ObjectKey], new_uid: Callable[[], str], now: str
) -> list[Proposal[Step]]:
    """For a task that is bound to a node which is there; `missing`: its volumes of which there is no record."""
    removed = {volume.name for volume in record.task.spec.volumes if volume.on_delete == "remove"}
    found = []
    for key in missing:
        metadata = Metadata(name=key.name, namespace=key.namespace, uid=new_uid(), generation=1, created_at=now)
        spec = NamedVolumeSpec(node=record.node, removed_with=record.uid if key.name in removed else "")
        place = keys.object_key(key)
        value = NamedVolume(metadata=metadata, spec=spec)
        found.append(Proposal(Step("record", key), (absent(place),), (Put(place, encode(value)),)))
    return found


def forget(record: ObjectRecord) -> Proposal[Step]:
    """The task has gone whose agent removed the data with it."""
    return Proposal(Step("forget", record.key), (unchanged(record.entry),), (Delete(record.entry.key),))
