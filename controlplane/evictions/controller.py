"""The eviction controller's loop: which nodes have a taint NoExecute, and who is to leave them now.

A task that has to leave is asked to stop, and the scheduler places it elsewhere once it has, as after a preemption.
Since when a taint is there is counted by who leads, and never stored: a new leader can only be later, never sooner.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from msgspec.structs import replace

from controlplane.cluster import AssignmentRecord, CacheChange, TaskRecord
from controlplane.cluster.effective import current_status, runs
from controlplane.evictions.decide import Leave, forced, leave, left, stays_to_its_end, until_when
from controlplane.evictions.held import HeldByBudgets, HeldForStandIns
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.placement.budgets import Budgets, counted
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Drain, ObjectRef, Taint, encode
from taskyard.store.api import Compare, Put, unchanged

_log = logging.getLogger(__name__)

_BEHIND = 0.05
"""Seconds after which nodes are looked at again while the cache has not seen the last write."""
_LOOK = 60.0
"""Seconds between two looks at the time of day, which somebody may set."""
_EARLY = 1e-6
"""Seconds by which a moment counts as reached: a due time that went through two additions is not exact."""


@dataclass(frozen=True, slots=True)
class Evicted:
    record: TaskRecord
    why: str


Dirty = str | NamedKey
"""A node whose taints may be others, or a task."""


class EvictionController(LeaderLoop[Dirty]):
    """Run it in one thread, or step it."""

    kinds = ("node", "task", "assignment", "status")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._since: dict[str, dict[Taint, float]] = {}
        """By node with a taint NoExecute: when each was first seen, on the monotonic clock."""
        self._written = 0
        """The revision of its last write: until the cache has reached it, more seem to run than do."""
        self._held = HeldByBudgets()
        self._stand_ins = HeldForStandIns(means.clock)

    def begin_term(self) -> None:
        self._since.clear()
        self._held.clear()
        self._stand_ins.clear()
        self._written = 0

    def everything(self) -> Sequence[Dirty]:
        return sorted(name for name in self.cache.nodes if self._taints(name))

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: dict[Dirty, None] = {}
        for change in changes:
            if change.kind == "node" and (change.node in self._since or self._taints(change.node)):
                found[change.node] = None
            elif change.kind in ("assignment", "status") and change.task is not None:
                if change.node in self._since:
                    found[change.task] = None
                if self._held:
                    found.update(dict.fromkeys(self._let_go_by(change.task)))
                stood_in_for = self._stand_ins.stood_in_for(self.cache, change.task) if self._since else None
                if stood_in_for is not None:
                    found[stood_in_for] = None
            elif change.kind == "task" and change.task is not None and self._held:
                found.update(dict.fromkeys(self._let_go_by_edit(change.task)))
        return list(found)

    def _let_go_by(self, key: NamedKey) -> list[NamedKey]:
        """One more of its kind runs, so that one that is held may leave: the first of those that the same budget holds.
        The next follow where it does not need that."""
        record = self.cache.tasks.get(key)
        return (
            self._held.first_of_each(counted(self.cache, record))
            if record is not None and runs(self.cache, record)
            else []
        )

    def _let_go_by_edit(self, key: NamedKey) -> list[NamedKey]:
        """A budget is what its tasks say: one that says something else now, or is gone, may have been the last one."""
        record = self.cache.tasks.get(key)
        return self._held.first_not_kept_by(counted(self.cache, record) if record is not None else None, key.namespace)

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        proposals: list[Proposal[Evicted]] = []
        with self.cache.lock:
            if self.cache.revision < self._written:
                for key in batch:
                    self.queue.add_after(key, _BEHIND)
                return False
            budgets = cache(lambda: Budgets.of_what_runs(self.cache, self.cache.moves))
            todo, looked_at = deque(self._tasks_of(batch)), set[NamedKey]()
            while todo:
                key = todo.popleft()
                if key in looked_at:
                    continue
                looked_at.add(key)
                budget = self._held.let_go(key)
                if (proposal := self._leaving(key, budgets)) is not None:
                    proposals.append(proposal)
                if budget is not None and key not in self._held and (others := self._held.held_by(budget) - looked_at):
                    todo.append(min(others))
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda one: one.record.key,
            what=lambda one: f"stop {ObjectKey('Task', *one.record.key).label}: {one.why}",
            committed=self._evicted,
        )
        return False

    def _evicted(self, proposal: Proposal[Evicted], revision: int) -> None:
        self._written = max(self._written, revision)
        self._stand_ins.forget(proposal.subject.record.key)
        self._tell(proposal.subject.record, "Evicted", proposal.subject.why)

    def _tasks_of(self, batch: Sequence[Dirty]) -> list[NamedKey]:
        """Those to be looked at: all of a node whose taints may be others."""
        nodes = [key for key in batch if isinstance(key, str)]
        for node in nodes:
            now, before = self.clock.monotonic(), self._since.pop(node, {})
            if taints := self._taints(node):
                self._since[node] = {taint: before.get(taint, now) for taint in taints}
            if 0 < (wait := self._left(node)) < math.inf:
                self.queue.add_after(node, min(wait + _EARLY, _LOOK))
        tasks = [record.key for node in nodes for record in self.cache.bound_to(node)]
        return [*tasks, *(key for key in batch if not isinstance(key, str))]

    def _leaving(self, key: NamedKey, budgets: Callable[[], Budgets]) -> Proposal[Evicted] | None:
        record = self.cache.tasks.get(key)
        since = self._since.get(record.node) if record is not None else None
        held = self._stays(record) if record is not None and since is not None else None
        why = leave(held.node, held.assignment.spec.tolerations, since) if held is not None and since else None
        if record is None or held is None or why is None:
            self._stand_ins.forget(key)
            return None
        now, left = self.clock.monotonic(), self._left(record.node)
        drain, once = self._drain(record.node), record.task.spec.run_once
        force = forced(record.node, held.assignment.spec.tolerations, now) if not left else None
        if force is not None and not (once and stays_to_its_end(drain)):
            budgets().spend(counted(self.cache, record))
            return _evict(record, held, force)
        if why.at > now + _EARLY:
            self.queue.add_after(key, why.at - now)
            return None
        if once:
            self._tell(record, "EvictionHeld", f"{until_when(record.node, drain, left)}, though it is to be {why.why}")
            return None
        if (waits := self._stand_ins.waits(self.cache, record)) is not None:
            self.queue.add_after(key, waits[0] + _EARLY)
            self._tell(record, "EvictionHeld", f"{waits[1]}, though it is to be {why.why}")
            return None
        if budgets().take(counted(self.cache, record)):
            return _evict(record, held, why)
        if (budget := budgets().refusing(counted(self.cache, record))) is not None:
            self._held.hold(key, budget)
        text = f"it stays while minAvailable would not be kept, though it is to be {why.why}"
        self._tell(record, "EvictionHeld", text)
        return None

    def _left(self, node: str) -> float:
        """Seconds until the deadline of its drain; inf where it has none."""
        return left(self._drain(node), self.clock.now())

    def _drain(self, node: str) -> Drain | None:
        record = self.cache.nodes.get(node)
        return record.drain if record is not None else None

    def _stays(self, record: TaskRecord) -> AssignmentRecord | None:
        """Its assignment, if it is to go on there."""
        held = self.cache.assignment_on(record.uid, record.node)
        status = current_status(self.cache, record)
        over = status is not None and status.status.state.terminal
        if held is None or held.assignment.desired != "Running" or over:
            return None
        return None if record.task.metadata.deletion_timestamp else held

    def _taints(self, name: str) -> list[Taint]:
        node = self.cache.nodes.get(name)
        if node is None or not node.ready:
            return []
        return [taint for taint in node.taints if taint.effect == "NoExecute"]

    def _tell(self, record: TaskRecord, reason: str, message: str) -> None:
        about = ObjectRef(kind="Task", name=record.key.name, uid=record.uid)
        self._events.emit(about, record.key.namespace, reason, message, warning=True)


def _evict(record: TaskRecord, held: AssignmentRecord, why: Leave) -> Proposal[Evicted]:
    stopped = replace(held.assignment, desired="Stopped", reason=why.why)
    compares = (unchanged(record.entry), unchanged(held.entry))
    return Proposal(Evicted(record, why.why), compares, (Put(held.entry.key, encode(stopped)),))
