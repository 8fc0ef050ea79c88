"""What is said of a record that nobody can read, and that therefore holds up whatever rests on it.

Pure reading of the cache, under its lock.
"""

from __future__ import annotations

from controlplane.cluster.cache import ClusterCache
from controlplane.cluster.records import TaskRecord
from controlplane.cluster.rules import pinned_volumes
from taskyard import keys
from taskyard.keys import ObjectKey


def unread(cache: ClusterCache, place: str, otherwise: str) -> str:
    """`its record PLACE cannot be read: WHY; put a valid value there, or delete that key OTHERWISE`; empty when it can
    be read, or is not there."""
    reason = cache.quarantined.get(place)
    if reason is None:
        return ""
    return f"its record {place} cannot be read: {reason}; put a valid value there, or delete that key {otherwise}"


def unread_volumes(cache: ClusterCache, record: TaskRecord) -> str:
    """What keeps the task from getting a node, and what to do, while nobody knows where the data of its volumes is;
    empty: nothing does."""
    if not cache.quarantined:
        return ""
    said = []
    for name in pinned_volumes(record.task.spec):
        place = keys.object_key(ObjectKey("Volume", record.key.namespace, name))
        if why := unread(cache, place, "to give up what it says"):
            said.append(f"nobody knows where the data of volume {name} is, as {why}")
    return "; ".join(said)
