"""Which tasks may not leave their node yet, though they are to, and what each of them waits for."""

from __future__ import annotations

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.evictions.decide import awaited
from controlplane.placement.budgets import Budget
from controlplane.services.memory import Since
from controlplane.services.standins import stand_in_of, stood_in_for
from taskyard.clock import Clock
from taskyard.keys import NamedKey


class HeldByBudgets:
    """Tasks that may not leave yet, and what would not be kept."""

    def __init__(self) -> None:
        self._budget: dict[NamedKey, Budget] = {}
        self._tasks: dict[Budget, set[NamedKey]] = {}
        """The same the other way round."""

    def __contains__(self, key: NamedKey) -> bool:
        return key in self._budget

    def __bool__(self) -> bool:
        return bool(self._budget)

    def clear(self) -> None:
        self._budget.clear()
        self._tasks.clear()

    def hold(self, key: NamedKey, budget: Budget) -> None:
        self._budget[key] = budget
        self._tasks.setdefault(budget, set()).add(key)

    def let_go(self, key: NamedKey) -> Budget | None:
        """What has held it so far."""
        budget = self._budget.pop(key, None)
        if budget is not None:
            self._tasks[budget].discard(key)
            if not self._tasks[budget]:
                del self._tasks[budget]
        return budget

    def held_by(self, budget: Budget) -> set[NamedKey]:
        return self._tasks.get(budget, set())

    def first_of_each(self, task: Demand) -> list[NamedKey]:
        """Of those that each budget holds which counts this task, the first."""
        return [min(held) for budget, held in self._tasks.items() if budget.counts(task)]

    def first_not_kept_by(self, task: Demand | None, namespace: str) -> list[NamedKey]:
        """Of those that each budget holds which this task may have asked for, and does not now, the first. None: it is
        gone, and was in that namespace."""
        return [
            min(held)
            for budget, held in self._tasks.items()
            if (budget.namespace == namespace if task is None else budget.counts(task))
            and (task is None or task.rules.min_available != budget.least)
        ]


class HeldForStandIns:
    """Tasks whose service starts another one first. Since when each is as far as it is, is counted by who leads."""

    def __init__(self, clock: Clock) -> None:
        self._since = Since(clock)

    def clear(self) -> None:
        self._since.clear()

    def waits(self, cache: ClusterCache, record: TaskRecord) -> tuple[float, str] | None:
        """Seconds after which to look again, and why it stays; None: it does not. Under the cache's lock."""
        found = stand_in_of(cache, record)
        if found is None:
            self.forget(record.key)
            return None
        stayed = self._since.held_for(record.key, "stage", (found.stage, found.life))
        return awaited(found.stage, found.service.spec.update, found.name, stayed)

    def forget(self, key: NamedKey) -> None:
        """It is not to leave at present, or leaves: another drain begins anew."""
        self._since.keep(key, set())

    @staticmethod
    def stood_in_for(cache: ClusterCache, key: NamedKey) -> NamedKey | None:
        record = cache.tasks.get(key)
        return stood_in_for(record.task) if record is not None else None
