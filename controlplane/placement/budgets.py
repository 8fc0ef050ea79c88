"""Disruption budgets: how many tasks may be stopped so that as many are left as their kind says (`minAvailable`). Pure.

Read by all that stops or moves tasks which nobody has asked to go: preemption, moves, eviction by a taint, return.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.cluster.effective import runs
from controlplane.cluster.rules import Labels
from controlplane.placement.around import selects
from taskyard.keys import NamedKey


def counted(cache: ClusterCache, record: TaskRecord) -> Demand:
    """What budgets know the task by: its present spec, and the labels that it had when it was bound, as all that counts
    tasks by their labels does. Call it under the cache's lock."""
    held = cache.assignment_on(record.uid, record.node) if record.node else None
    demand = record.demand
    if held is None or held.demand.labels == demand.labels:
        return demand
    return replace(demand, labels=held.demand.labels)


class Budget(NamedTuple):
    namespace: str
    labels: Labels
    least: int
    """So many with the labels have to be left."""

    def counts(self, task: Demand) -> bool:
        return self.namespace == task.namespace and selects(self.labels, task.labels)


class Budgets:
    def __init__(self, protecting: Iterable[Demand], available: Iterable[Demand]) -> None:
        """`protecting`: all tasks there are; `available`: those that count as left."""
        self._spare: dict[Budget, int] = {
            Budget(each.namespace, each.labels, each.rules.min_available): -each.rules.min_available
            for each in protecting
            if each.rules.min_available
        }
        for each in available if self._spare else ():
            for budget in self._of(each):
                self._spare[budget] += 1

    @classmethod
    def of_what_runs(cls, cache: ClusterCache, leaving: Container[NamedKey] = ()) -> Budgets:
        """Only those that run are available, but for those that are `leaving`. Call it under the cache's lock."""
        records = cache.tasks.values()
        return cls(
            (counted(cache, record) for record in records),
            (counted(cache, record) for record in records if record.key not in leaving and runs(cache, record)),
        )

    def copy(self) -> Budgets:
        found = Budgets((), ())
        found._spare = dict(self._spare)
        return found

    @property
    def spent(self) -> bool:
        """There is one that allows nothing at present."""
        return any(spare <= 0 for spare in self._spare.values())

    def allow(self, task: Demand) -> bool:
        """One such task may be stopped."""
        return self.refusing(task) is None

    def refusing(self, task: Demand) -> Budget | None:
        """One by which no such task may be stopped."""
        return next((budget for budget in self._of(task) if self._spare[budget] <= 0), None)

    def take(self, task: Demand) -> bool:
        """It is stopped; False, and nothing is taken, when it must not be."""
        if not self.allow(task):
            return False
        self.spend(task)
        return True

    def spend(self, task: Demand) -> None:
        """It is stopped, whether it may be or not."""
        for budget in self._of(task):
            self._spare[budget] -= 1

    def _of(self, task: Demand) -> list[Budget]:
        return [each for each in self._spare if each.counts(task)]
