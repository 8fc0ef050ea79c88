"""What is promised of nodes that say what is wrong with them: nothing is placed there, and it is over when it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulator.story import Violation
from taskyard.objects import CONDITION_TAINTS, NodeLease, Task, Toleration

_NEWS = 15.0
"""Seconds: a leader that is frozen, or hears late, decides on what was so before, until its lease is over."""


@dataclass(slots=True)
class Closed:
    _since: dict[str, dict[str, float]] = field(default_factory=dict)
    """By node: since when it has each of the conditions that keep tasks away."""

    def note(self, node: str, lease: NodeLease | None, now: float) -> None:
        before = self._since.pop(node, {})
        keeping = [c.type for c in lease.conditions if _hard(c.type)] if lease is not None else []
        if keeping:
            self._since[node] = {condition: before.get(condition, now) for condition in keeping}

    def check_bound(self, task: Task, now: float) -> None:
        node = task.binding.node if task.binding is not None else ""
        for condition, since in self._since.get(node, {}).items():
            if since < now - _NEWS and not _tolerated(task.spec.tolerations, condition):
                name, uid = task.metadata.name, task.metadata.uid
                raise Violation(f"{name} was bound to {node}, which has said {condition} for {now - since:.1f} s", uid)


def check_over(leases: Mapping[str, NodeLease]) -> None:
    """Nothing is wrong with any node any more."""
    for node, lease in leases.items():
        for condition in lease.conditions:
            raise Violation(f"{node} still says {condition.type}, which is over: {condition.message}", node)


def _hard(condition: str) -> bool:
    return any(name == condition and taint.effect != "PreferNoSchedule" for name, taint in CONDITION_TAINTS.items())


def _tolerated(tolerations: Iterable[Toleration], condition: str) -> bool:
    """By key alone: conditions have taints without a value."""
    keys = {taint.key for name, taint in CONDITION_TAINTS.items() if name == condition}
    return any(not each.key or each.key in keys for each in tolerations)
