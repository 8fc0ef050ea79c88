"""The eviction controller's loop: which nodes have a taint NoExecute, and who is to leave them now.

A task that has to leave is asked to stop, and the scheduler places it elsewhere once it has, as after a preemption.
Since when a taint is there is counted by who leads, and never stored: a new leader can only be later, never sooner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from msgspec.structs import replace

from controlplane.cluster import AssignmentRecord, CacheChange, TaskRecord
from controlplane.cluster.effective import current_status
from controlplane.evictions.decide import Leave, leave
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.placement.budgets import Budgets
from taskyard.keys import ObjectKey
from taskyard.objects import ObjectRef, Taint, encode
from taskyard.store.api import Compare, Put, unchanged

_log = logging.getLogger(__name__)

_BEHIND = 0.05
"""Seconds after which nodes are looked at again while the cache has not seen the last write."""
_EARLY = 1e-6
"""Seconds by which a moment counts as reached: a due time that went through two additions is not exact."""


@dataclass(frozen=True, slots=True)
class Evicted:
    record: TaskRecord
    node: str
    why: str


class EvictionController(LeaderLoop[str]):
    """Keys are nodes. Run it in one thread, or step it."""

    kinds = ("node", "assignment", "status")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._since: dict[str, dict[Taint, float]] = {}
        """By node with a taint NoExecute: when each was first seen, on the monotonic clock."""
        self._written = 0
        """The revision of its last write: until the cache has reached it, more seem to run than do."""
        self._held: set[str] = set()
        """Nodes that a task may not leave yet, since too few like it would be left."""

    def begin_term(self) -> None:
        self._since.clear()
        self._held.clear()
        self._written = 0

    def everything(self) -> Sequence[str]:
        return sorted(name for name in self.cache.nodes if self._taints(name))

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[str]:
        found: dict[str, None] = {}
        for change in changes:
            if change.kind == "node" and (change.node in self._since or self._taints(change.node)):
                found[change.node] = None
            elif change.kind in ("assignment", "status"):
                if change.node in self._since:
                    found[change.node] = None
                found.update(dict.fromkeys(sorted(self._held)))
        return list(found)

    def work(self, batch: Sequence[str], fence: Compare) -> bool:
        proposals: list[Proposal[Evicted]] = []
        with self.cache.lock:
            if self.cache.revision < self._written:
                for node in batch:
                    self.queue.add_after(node, _BEHIND)
                return False
            budgets = cache(lambda: Budgets.of_what_runs(self.cache, self.cache.moves))
            for node in batch:
                proposals += self._leaving(node, budgets)
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda one: one.node,
            what=lambda one: f"stop {ObjectKey('Task', *one.record.key).label}: {one.why}",
            committed=self._evicted,
        )
        return False

    def _evicted(self, proposal: Proposal[Evicted], revision: int) -> None:
        self._written = max(self._written, revision)
        self._tell(proposal.subject.record, "Evicted", proposal.subject.why)

    def _leaving(self, node: str, budgets: Callable[[], Budgets]) -> list[Proposal[Evicted]]:
        now, before = self.clock.monotonic(), self._since.pop(node, {})
        self._held.discard(node)
        taints = self._taints(node)
        if not taints:
            return []
        self._since[node] = {taint: before.get(taint, now) for taint in taints}
        found = []
        for record in self.cache.bound_to(node):
            held = self._stays(record)
            why = leave(node, held.assignment.spec.tolerations, self._since[node]) if held is not None else None
            if held is None or why is None:
                continue
            if why.at > now + _EARLY:
                self.queue.add_after(node, why.at - now)
                continue
            if budgets().take(record.demand):
                found.append(_evict(record, held, node, why))
            else:
                self._held.add(node)
                self._tell(
                    record,
                    "EvictionHeld",
                    f"it stays while minAvailable would not be kept, though it is to be {why.why}",
                )
        return found

    def _stays(self, record: TaskRecord) -> AssignmentRecord | None:
        """Its assignment, if it is to go on there; one that runs once is left to its end."""
        held = self.cache.assignment_on(record.uid, record.node)
        status = current_status(self.cache, record)
        over = status is not None and status.status.state.terminal
        if held is None or held.assignment.desired != "Running" or over or record.task.spec.run_once:
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


def _evict(record: TaskRecord, held: AssignmentRecord, node: str, why: Leave) -> Proposal[Evicted]:
    stopped = replace(held.assignment, desired="Stopped", reason=why.why)
    compares = (unchanged(record.entry), unchanged(held.entry))
    return Proposal(Evicted(record, node, why.why), compares, (Put(held.entry.key, encode(stopped)),))
