"""The decoded tables behind `ClusterCache`, and which of them a change in the store is a change of.

Each value is decoded once, when it changes. One that is not what its key promises is set aside with the reason and
otherwise treated as absent. No locks here: the cache applies changes under the informer's.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.cluster.node_tables import NodeTables
from controlplane.cluster.object_tables import ObjectTables
from controlplane.cluster.quarantine import Quarantine
from controlplane.cluster.reader import Reader
from controlplane.cluster.readings import Readings
from controlplane.cluster.records import AssignmentRecord, CacheChange, StatusRecord, TaskRecord
from taskyard import keys
from taskyard.store.informer import Change


class Tables:
    def __init__(self, readings: Readings | None = None) -> None:
        self.reader = Reader(readings)
        self.quarantine = Quarantine()
        self.of_objects = ObjectTables(self.reader, self.quarantine)
        self.of_nodes = NodeTables(self.reader, self.quarantine, self.of_objects)

    def apply(self, batch: Sequence[Change]) -> list[CacheChange]:
        changes: list[CacheChange] = []
        for change in batch:
            if change.read is not None:
                self._apply_read(change, change.read, changes)
            elif change.key.startswith(keys.NODES):  # First: they are most of all keys.
                self.of_nodes.apply(change, changes)
            elif change.key.startswith(keys.EVENTS):
                continue
            elif keys.is_object(change.key):
                self.of_objects.apply_object(change, changes)
            elif change.key.startswith(keys.ROLLOUTS):
                self.of_objects.apply_rollout(change, changes)
            elif change.key.startswith(keys.RUNS):
                self.of_objects.apply_run(change, changes)
            elif change.key.startswith(keys.TICKS):
                self.of_objects.apply_ticks(change, changes)
            elif change.key.startswith(keys.RESULTS):
                self.of_objects.apply_result(change, changes)
            elif change.key.startswith(keys.MOVES):
                self.of_objects.apply_move(change, changes)
        return changes

    def _apply_read(self, change: Change, read: object, changes: list[CacheChange]) -> None:
        """One whose value has been read ahead: its key is what the value says."""
        if isinstance(read, AssignmentRecord):
            self.of_nodes.settle_assignment(read.node, read.assignment.uid, change, read, "", changes)
        elif isinstance(read, StatusRecord):
            self.of_nodes.settle_status(read.node, read.status.uid, change, read, "", changes)
        elif isinstance(read, TaskRecord):
            self.of_objects.settle_task(read.key, change, read, "", changes)
