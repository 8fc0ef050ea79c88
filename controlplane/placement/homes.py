"""Where the data of named volumes is: on record, or else where tasks are that mount them.

The record (kind Volume) is written soon after the first binding and outlives the tasks and their node's lease; between
the two, and within one batch, a volume is where a task has it. What is on a lost node and not on record is given up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlplane.cluster import ClusterCache, ObjectRecord
from controlplane.placement.refusing import Failure
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import NamedVolume

Homes = Mapping[NamedKey, str]
"""Namespace and name of a volume → its node."""


class HomeKeeper:
    """What the cache has on record; costs what changed. For `SnapshotKeeper`, which tells it of changes."""

    def __init__(self, cache: ClusterCache) -> None:
        self._cache = cache
        self._homes: Homes | None = None
        self._dirty: set[ObjectKey] = set()

    def note(self, volume: ObjectKey) -> None:
        self._dirty.add(volume)

    def take(self) -> Homes:
        """The same object as before when none has changed. Call it under the cache's lock."""
        if self._homes is None:
            self._dirty = {key for key in self._cache.objects if key.kind == "Volume"}
        elif not self._dirty:
            return self._homes
        homes = dict(self._homes or {})
        for key in self._dirty:
            node = _node_of(self._cache.objects.get(key))
            if node:
                homes[NamedKey(key.namespace, key.name)] = node
            else:
                homes.pop(NamedKey(key.namespace, key.name), None)
        self._dirty = set()
        self._homes = homes
        return homes


def _node_of(record: ObjectRecord | None) -> str:
    return record.value.spec.node if record is not None and isinstance(record.value, NamedVolume) else ""


def refusal(elsewhere: Mapping[str, Sequence[str]]) -> Failure | None:
    """`elsewhere`: of the volumes whose data is not on this node, the nodes where it is."""
    said = [f"volume {name} is on {' and '.join(nodes)}" for name, nodes in elsewhere.items()]
    return Failure("volumes", ", ".join(said)) if said else None
