"""The tasks behind the demands that a preemption would stop: for whoever asks them to, and for answers about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.cluster import AssignmentRecord, ClusterCache, TaskRecord
from controlplane.placement.preempting import Preemption
from taskyard.quantity import seconds


@dataclass(frozen=True, slots=True)
class Victim:
    record: TaskRecord
    held: AssignmentRecord

    @property
    def grace(self) -> float:
        return seconds(self.record.task.spec.stop.grace_period)


def victims_of(cache: ClusterCache, preemption: Preemption) -> list[Victim] | None:
    """The tasks behind its demands, of equal ones the youngest; None where the cache has moved on. Call it under the
    cache's lock."""
    held_there = cache.usage(preemption.node).by_uid
    found: list[Victim] = []
    taken: set[str] = set()
    for demand in preemption.victims:
        equal = [uid for uid, held in held_there.items() if held == demand and uid not in taken]
        records = [record for uid in equal if (record := cache.by_uid(uid)) is not None]
        if not records:
            return None
        record = max(records, key=lambda each: (each.task.metadata.created_at, each.key))
        held = cache.assignment_on(record.uid, preemption.node)
        if held is None:
            return None
        taken.add(record.uid)
        found.append(Victim(record, held))
    return found


def names_of(victims: Sequence[Victim]) -> str:
    return ", ".join(f"{each.record.key.namespace}/{each.record.key.name}" for each in victims)
