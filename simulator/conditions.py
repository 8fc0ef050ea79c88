"""What is promised of nodes with which something is wrong, or on which somebody works: nothing is placed there, and all
is well once the cause is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from simulator.story import Violation
from taskyard.objects import CONDITION_TAINTS, DRAIN_TAINT, MAINTENANCE_TAINT, NodeLease, NodeSpec, Task, decode
from taskyard.store.api import Entry

_NEWS = 15.0
"""Seconds: a leader that is frozen, or hears late, decides on what was so before, until its lease is over."""


@dataclass(slots=True)
class Closed:
    _since: dict[str, dict[str, float]] = field(default_factory=dict)
    """By node: since when it has each of the taints that keep tasks away."""

    def note(self, node: str, lease: NodeLease | None, spec: NodeSpec | None, now: float) -> None:
        before = self._since.pop(node, {})
        taints = [CONDITION_TAINTS[each.type] for each in (lease.conditions if lease is not None else ())]
        if spec is not None and spec.maintenance is not None:
            taints.append(MAINTENANCE_TAINT)
        if (spec is not None and spec.drain is not None) or (lease is not None and lease.draining):
            taints.append(DRAIN_TAINT)
        keeping = [taint.key for taint in taints if taint.effect != "PreferNoSchedule"]
        if keeping:
            self._since[node] = {key: before.get(key, now) for key in keeping}

    def restored(self, leases: Mapping[str, NodeLease], specs: Mapping[str, NodeSpec], now: float) -> None:
        """The store has these now: what was said since the backup was never said."""
        for node in self._since.keys() | leases.keys() | specs.keys():
            self.note(node, leases.get(node), specs.get(node), now)

    def check_bound(self, task: Task, now: float) -> None:
        node = task.binding.node if task.binding is not None else ""
        for key, since in self._since.get(node, {}).items():
            tolerated = any(each.key in ("", key) for each in task.spec.tolerations)
            if since < now - _NEWS and not tolerated:
                name, uid = task.metadata.name, task.metadata.uid
                raise Violation(f"{name} was bound to {node}, which has had {key} for {now - since:.1f} s", uid)


def check_ended(before: NodeSpec | None, entry: Entry | None) -> None:
    """Who ends a maintenance touches nothing else."""
    after = decode(entry.value, NodeSpec) if entry is not None else None
    if before is None or after is None or before.maintenance is None:
        raise Violation("a maintenance was ended that was none")
    kept = replace(before, maintenance=None, metadata=after.metadata)
    if after != kept or after.metadata.name != before.metadata.name:
        raise Violation(f"the end of its maintenance changed what is said of {before.metadata.name}")


def check_over(leases: Mapping[str, NodeLease], specs: Mapping[str, NodeSpec]) -> None:
    """Nothing is wrong with any node any more, and nobody works on any."""
    for node, spec in specs.items():
        if spec.maintenance is not None:
            raise Violation(f"the maintenance of {node} has not ended, until {spec.maintenance.until}", node)
    for node, lease in leases.items():
        for condition in lease.conditions:
            raise Violation(f"{node} still says {condition.type}, which is over: {condition.message}", node)
