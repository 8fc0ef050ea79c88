"""Which tasks may be moved at all: those that run, and lose nothing but a moment by being started elsewhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.cluster import ClusterCache, Demand, TaskRecord, view
from controlplane.cluster.effective import needs_binding
from controlplane.cluster.rules import pinned
from controlplane.placement.budgets import Budgets, counted
from controlplane.scheduler.moves import TOO_FEW_LEFT
from taskyard.keys import NamedKey
from taskyard.objects import TaskState


@dataclass(frozen=True, slots=True)
class Movable:
    key: NamedKey
    uid: str
    epoch: int
    node: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class Pinned:
    key: NamedKey
    node: str
    why: str


def movables(cache: ClusterCache) -> tuple[list[Movable], list[Pinned]]:
    """In the order of their names. Moves are made one by one, so each has to leave enough by itself. Call it under the
    cache's lock."""
    movable, held, budgets = [], [], Budgets.of_what_runs(cache, cache.moves)
    for key in sorted(cache.tasks):
        record = cache.tasks[key]
        if record.task.binding is None or record.task.metadata.deletion_timestamp:
            continue
        why = _why_not(cache, record)
        if not why and not budgets.allow(counted(cache, record)):
            why = TOO_FEW_LEFT
        if why:
            held.append(Pinned(key, record.node, why))
        else:
            movable.append(Movable(key, record.uid, record.task.binding.epoch, record.node, record.demand))
    return movable, held


def _why_not(cache: ClusterCache, record: TaskRecord) -> str:
    spec = record.task.spec
    state = view(cache, record).state
    if state is not TaskState.RUNNING or needs_binding(cache, record):
        return f"it is {state.value}" if state is not TaskState.RUNNING else "a new version of it waits"
    if spec.restart.policy != "always":
        return "it runs to an end, and would begin anew"
    return pinned(spec)
