"""The volume controller's loop: whose volumes are not on record yet, and which records have had their day."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from controlplane.cluster import CacheChange
from controlplane.cluster.effective import needs_binding
from controlplane.leading import LeaderLoop, Means, Proposal, Step, carry_out
from controlplane.volumes.decide import forget, put_on_record, volumes_of
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import NamedVolume
from taskyard.store.api import Compare

_log = logging.getLogger(__name__)

Dirty = NamedKey | ObjectKey
"""A task that may have a volume, or a volume."""


class VolumeController(LeaderLoop[Dirty]):
    """Run it in one thread, or step it."""

    kinds = ("task", "object")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._going_along: set[ObjectKey] = set()
        """The volumes that go with a task."""

    def begin_term(self) -> None:
        """What it remembers follows from the cache."""

    def everything(self) -> Sequence[Dirty]:
        volumes = [key for key in self.cache.objects if key.kind == "Volume"]
        self._going_along = {key for key in volumes if self._goes_with(key)}
        return [*volumes, *(key for key, record in self.cache.tasks.items() if record.task.spec.volumes)]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: list[Dirty] = []
        for change in changes:
            if change.kind == "task" and change.task is not None:
                record = self.cache.tasks.get(change.task)
                if record is None:
                    found += sorted(self._going_along)
                elif record.task.spec.volumes:
                    found.append(change.task)
            elif change.object is not None and change.object.kind == "Volume":
                (self._going_along.add if self._goes_with(change.object) else self._going_along.discard)(change.object)
                found.append(change.object)
        return found

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        again: dict[ObjectKey, Dirty] = {}
        proposals: list[Proposal[Step]] = []
        with self.cache.lock:
            for key in batch:
                steps = self._about_volume(key) if isinstance(key, ObjectKey) else self._about_task(key)
                steps = [step for step in steps if step.subject.key not in again]
                again |= {step.subject.key: key for step in steps}
                proposals += steps
        carry_out(self, fence, batch, proposals, _log, key=lambda step: again[step.key], what=lambda step: step.label)
        return False

    def _about_task(self, key: NamedKey) -> list[Proposal[Step]]:
        record = self.cache.tasks.get(key)
        node = self.cache.nodes.get(record.node) if record is not None else None
        if record is None or node is None or not node.ready or needs_binding(self.cache, record):
            return []
        missing = [volume for volume in volumes_of(record) if volume not in self.cache.objects and self._free(volume)]
        return put_on_record(record, missing, self._new_uid, timestamp(self.clock.now()))

    def _free(self, volume: ObjectKey) -> bool:
        """No value is there that somebody put by hand and that is no valid one."""
        return keys.object_key(volume) not in self.cache.quarantined

    def _about_volume(self, key: ObjectKey) -> list[Proposal[Step]]:
        uid, record = self._goes_with(key), self.cache.objects.get(key)
        return [forget(record)] if uid and record is not None and self.cache.by_uid(uid) is None else []

    def _goes_with(self, key: ObjectKey) -> str:
        record = self.cache.objects.get(key)
        return record.value.spec.removed_with if record is not None and isinstance(record.value, NamedVolume) else ""
