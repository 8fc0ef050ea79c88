"""For tasks that fit nowhere: others of lower priority are stopped for them, or room is kept for those that wait long.

Looks at nodes as the round has left them, with all that is kept for others taken out of their room. What is decided is
`controlplane.placement.preempting`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.leading import FencedOut, commit_all
from controlplane.placement import (
    Preemption,
    Reservation,
    Snapshot,
    Victim,
    Want,
    cheapest,
    names_of,
    nearest,
    victims_of,
)
from controlplane.scheduler.announcing import Announcer
from controlplane.scheduler.exclusive import stop
from controlplane.scheduler.keeping import PATIENCE, KeptRoom, Priorities
from controlplane.scheduler.metrics import SchedulerMetrics
from taskyard.clock import Clock
from taskyard.keys import NamedKey
from taskyard.store.api import Compare, Store

_PER_ROUND = 4
"""Tasks for which all nodes are looked through for what could be stopped there."""
_NODES_PER_KEPT = 10
"""So many nodes for each on which room is kept for one that has waited."""


class RoomMaker:
    """The scheduler's: `kept` is room that others do not get, `priorities` are of the tasks that have a node."""

    def __init__(
        self,
        store: Store,
        cache: ClusterCache,
        clock: Clock,
        announcer: Announcer,
        metrics: SchedulerMetrics,
        retry: Callable[[NamedKey], object],
    ) -> None:
        self.kept = KeptRoom()
        self.priorities = Priorities()
        self._leaving: dict[NamedKey, tuple[str, str]] = {}
        """Node and uid of what is being stopped, by the name of its task."""
        self._store, self._cache, self._clock = store, cache, clock
        self._announcer, self._metrics, self._retry = announcer, metrics, retry

    def clear(self) -> None:
        self.kept.clear()
        self.priorities.clear()
        self._leaving.clear()

    def note(self, key: NamedKey, record: TaskRecord | None) -> None:
        """Whether what it has on its node is being stopped. Call it under the cache's lock."""
        held = self._cache.assignments_of(record.uid).get(record.node) if record is not None else None
        if record is not None and held is not None and held.assignment.desired == "Stopped":
            self._leaving[key] = record.node, record.uid
        else:
            self._leaving.pop(key, None)

    def _still_there(self) -> list[Demand]:
        """What is being stopped, and is not over."""
        with self._cache.lock:
            found = [self._cache.usage(node).by_uid.get(uid) for node, uid in self._leaving.values()]
        return [demand for demand in found if demand is not None]

    def make(
        self, fence: Compare, wants: Sequence[Want], snapshot: Snapshot, waiting_since: Mapping[NamedKey, float]
    ) -> None:
        """For some of those that fit nowhere, the most important first. Gangs wait without any. Raises FencedOut."""
        now, tries = self._clock.monotonic(), 0
        for want in sorted(wants, key=lambda want: want.turn):
            important = self.priorities.any_below(want.priority)
            waited = now - waiting_since.get(want.key, now)
            if want.gang or want.key in self.kept or not (important or waited >= PATIENCE):
                continue
            if tries == _PER_ROUND:
                self._retry(want.key)
                continue
            tries += 1
            kept = self.kept.reservations(now)
            there = without_own(without_kept(snapshot, kept), want)
            found = cheapest(there, want.demand, self._still_there()) if important else None
            if found is not None:
                self._preempt(fence, want, found)
            elif waited >= PATIENCE and len(kept) < max(1, len(snapshot.nodes) // _NODES_PER_KEPT):
                node = nearest(there, want.demand)
                if node is not None:
                    self.kept.for_a_while(Reservation(want.key, node, want.demand), now)
                    self._announcer.kept(want, node, PATIENCE)

    def _preempt(self, fence: Compare, want: Want, found: Preemption) -> None:
        with self._cache.lock:
            victims = victims_of(self._cache, found)
        if victims is None:
            self._retry(want.key)
            return
        if any(each.record.task.spec.priority >= want.priority for each in victims):
            # One whose new spec is as important, and waits itself. This one is tried again when a node changes.
            return
        running = [each for each in victims if each.held.assignment.desired == "Running"]
        stops = [stop(each.record, each.held, why_stopped(want, each)) for each in running]
        results = commit_all(self._store, fence, stops)
        if results.fenced_out:
            raise FencedOut
        for proposal, _ in results.committed:
            # The cache may not show it yet.
            stopped = next(each for each in running if each.record.key == proposal.subject)
            self._leaving[proposal.subject] = found.node, stopped.record.uid
        if len(results.committed) < len(stops):
            self._retry(want.key)
            return
        grace = max((each.grace for each in victims), default=0.0)
        self.kept.until_stopped(Reservation(want.key, found.node, want.demand), self._clock.monotonic(), grace)
        self._metrics.preempted += len(running)
        self._announcer.preempting(want, found.node, names_of(victims))
        for each in running:
            self._announcer.preempted(each.record, why_stopped(want, each))


def without_kept(snapshot: Snapshot, reservations: Iterable[Reservation]) -> Snapshot:
    nodes = dict(snapshot.nodes)
    for one in reservations:
        if one.node in nodes:
            nodes[one.node] = nodes[one.node].charged(one.demand)
    return replace(snapshot, nodes=nodes)


def without_own(snapshot: Snapshot, want: Want) -> Snapshot:
    """What its spec of before holds is room for itself, and nobody to be stopped for it."""
    held = want.held
    if held is None or held.node not in snapshot.nodes:
        return snapshot
    nodes = {**snapshot.nodes, held.node: snapshot.nodes[held.node].released(held.demand)}
    return replace(snapshot, nodes=nodes)


def why_stopped(want: Want, victim: Victim) -> str:
    own = victim.record.task.spec.priority
    return f"stopped to make room for {want.key.namespace}/{want.key.name} (priority {want.priority} over {own})"
