"""For tasks that fit nowhere: others of lower priority are stopped for them, or room is kept for those that wait long.

Looks at nodes as the round has left them, without the room that is kept for others which matter as much. What is
decided is `controlplane.placement.preempting`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from controlplane.cluster import ClusterCache, Demand, TaskRecord
from controlplane.leading import FencedOut, Proposal, commit_all
from controlplane.placement import (
    Preemption,
    Reservation,
    Snapshot,
    Victim,
    Want,
    by_node,
    cheapest,
    for_all,
    names_of,
    nearest,
    victims_of,
    without_kept,
)
from controlplane.placement.budgets import Budgets
from controlplane.placement.placing import LARGEST_GANG
from controlplane.scheduler.announcing import Announcer
from controlplane.scheduler.exclusive import stop
from controlplane.scheduler.gangs import Gangs
from controlplane.scheduler.keeping import PATIENCE, KeptRoom, Priorities
from controlplane.scheduler.metrics import SchedulerMetrics
from taskyard.clock import Clock
from taskyard.keys import NamedKey
from taskyard.store.api import Compare, Store

_PER_ROUND = 4
"""Tasks for which all nodes are looked through for what could be stopped there."""
_STOPPED_AT_ONCE = 60
"""Tasks: one transaction of etcd has room for two compares of each."""
_BUDGET_AGAIN = 5.0
"""Seconds until it is looked again what may be stopped for one that a budget may have stood in the way of: that another
runs by then changes no node's room, and would wake nobody."""
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
        look_again: Callable[[NamedKey, float], object],
    ) -> None:
        self.kept = KeptRoom()
        self.priorities = Priorities()
        self._leaving: dict[NamedKey, tuple[str, str, int]] = {}
        """Node and uid of what is being stopped, by its task, and the revision from which on the cache shows it."""
        self._store, self._cache, self._clock = store, cache, clock
        self._announcer, self._metrics, self._retry, self._look_again = announcer, metrics, retry, look_again

    def clear(self) -> None:
        self.kept.clear()
        self.priorities.clear()
        self._leaving.clear()

    @property
    def leaving(self) -> Set[NamedKey]:
        """Tasks of which what they have on their node is being stopped."""
        return self._leaving.keys()

    def note(self, key: NamedKey, record: TaskRecord | None) -> None:
        """Whether what it has on its node is being stopped. Call it under the cache's lock."""
        held = self._cache.assignment_on(record.uid, record.node) if record is not None else None
        if record is not None and held is not None and held.assignment.desired == "Stopped":
            self._leaving[key] = record.node, record.uid, 0
        elif key in self._leaving and self._leaving[key][2] <= self._cache.revision:
            del self._leaving[key]

    def let_go(self, key: NamedKey, still: Demand | None, gangs: Gangs, of: Iterable[str]) -> bool:
        """What is kept for a task, unless it waits and `still` asks for just that; and all that is kept for the gangs
        that it is or was one `of`, where it asks for another thing or too few of them are left. True: there was any."""
        gone = dropped = self.kept.drop(key, unless=still)
        for gang in of if self.kept else ():
            if (dropped and still is not None) or gangs.too_few(gang):
                gone |= self.kept.drop_all(gangs.waiting(gang))
        return gone

    def _budgets(self, rebound: Set[NamedKey], wants: Sequence[Want]) -> Budgets:
        """Of what runs: not what is only bound, and not what is being stopped, also where the cache does not show it
        yet. No budget counts on what waits, and may run with its spec from before."""
        with self._cache.lock:
            return Budgets.of_what_runs(self._cache, {*rebound, *self._leaving, *(want.key for want in wants)})

    def make(
        self,
        fence: Compare,
        wants: Sequence[Want],
        snapshot: Snapshot,
        waiting_since: Mapping[NamedKey, float],
        rebound: Set[NamedKey],
    ) -> None:
        """For some of those that fit nowhere, the most important first. `rebound`: tasks whose bindings the cache does
        not show yet. Raises FencedOut."""
        now, tries = self._clock.monotonic(), 0
        gangs: dict[str, list[Want]] = {}
        for want in sorted(wants, key=lambda want: want.turn):
            if want.gang:
                gangs.setdefault(want.gang, []).append(want)
        for want in sorted(wants, key=lambda want: want.turn):
            important = self.priorities.any_below(want.priority)
            waited = now - waiting_since.get(want.key, now)
            members = gangs.pop(want.gang, None) if want.gang else [want]
            if members is None or want.key in self.kept or not (important or (waited >= PATIENCE and not want.gang)):
                continue
            if tries == _PER_ROUND:
                self._retry(want.key)
                continue
            tries += 1
            kept = self.kept.reservations(now)
            # Room that is kept for a less important one keeps nobody waiting, and holds nothing that could be stopped.
            from_it = [one for one in kept if one.demand.priority >= want.priority]
            there = without_kept(snapshot, from_it)
            if want.gang:
                self._for_gang(fence, members, there, rebound)
                continue
            there = without_own(there, want)
            if important and self._stop_others(fence, want, there, rebound):
                continue
            if waited >= PATIENCE and len(kept) < max(1, len(snapshot.nodes) // _NODES_PER_KEPT):
                self._keep_what_becomes_free(want, there, now)

    def _stop_others(self, fence: Compare, want: Want, snapshot: Snapshot, rebound: Set[NamedKey]) -> bool:
        """False: nothing that may be stopped would make room for it."""
        budgets = self._budgets(rebound, [want])
        found = cheapest(snapshot, want.demand, budgets)
        if found is not None:
            self._preempt(fence, [want], [found])
            return True
        if budgets.spent:
            self._look_again(want.key, _BUDGET_AGAIN)
        return False

    def _keep_what_becomes_free(self, want: Want, snapshot: Snapshot, now: float) -> None:
        node = nearest(snapshot, want.demand)
        if node is not None:
            self.kept.for_a_while(Reservation(want.key, node, want.demand, want.held is not None), now)
            self._announcer.kept(want, node, PATIENCE)

    def _for_gang(self, fence: Compare, members: list[Want], snapshot: Snapshot, rebound: Set[NamedKey]) -> None:
        """Room for all that go into one transaction, or for none."""
        if len(members) < members[0].gang_lacks:
            return
        for member in members:
            snapshot = without_own(snapshot, member)
        members = members[:LARGEST_GANG]
        budgets = self._budgets(rebound, members)
        found = for_all(snapshot, [member.demand for member in members], budgets)
        if found is None and budgets.spent:
            self._look_again(members[0].key, _BUDGET_AGAIN)
        if found is not None and any(one.victims for one in found):
            self._preempt(fence, members, found)

    def _preempt(self, fence: Compare, wants: Sequence[Want], found: Sequence[Preemption]) -> None:
        """`found`: for each of them. All that have to stop are asked in one transaction, or none is."""
        first, together = wants[0], by_node(found)
        with self._cache.lock:
            known = [victims_of(self._cache, one) for one in together]
        if any(each is None for each in known):
            self._retry(first.key)
            return
        victims = [each for some in known if some is not None for each in some]
        if any(each.record.task.spec.priority >= first.priority for each in victims):
            # One whose new spec is as important, and waits itself. This one is tried again when a node changes.
            return
        running = [each for each in victims if each.held.assignment.desired == "Running"]
        if len(running) > _STOPPED_AT_ONCE:
            return
        if running and not self._stop(fence, first, running):
            self._retry(first.key)
            return
        grace = max((each.grace for each in victims), default=0.0)
        for want, one in zip(wants, found, strict=True):
            kept = Reservation(want.key, one.node, want.demand, want.held is not None)
            self.kept.until_stopped(kept, self._clock.monotonic(), grace)
        self._metrics.preempted += len(running)
        self._announcer.preempting(first, " and ".join(one.node for one in together), names_of(victims))
        for each in running:
            self._announcer.preempted(each.record, why_stopped(first, each))

    def _stop(self, fence: Compare, want: Want, running: Sequence[Victim]) -> bool:
        """False: something has changed, and nobody is stopped, as far as is known. Raises FencedOut."""
        stops = [stop(each.record, each.held, why_stopped(want, each)) for each in running]
        compares = dict.fromkeys(compare for one in stops for compare in one.compares)
        whole = Proposal(want.key, tuple(compares), tuple(operation for one in stops for operation in one.operations))
        results = commit_all(self._store, fence, [whole])
        if results.fenced_out:
            raise FencedOut
        if not results.committed:
            return False
        for each in running:
            # The cache may not show it yet.
            self._leaving[each.record.key] = each.held.node, each.record.uid, results.committed[0][1]
        return True


def without_own(snapshot: Snapshot, want: Want) -> Snapshot:
    """What its spec of before holds is room for itself, and nobody to be stopped for it."""
    held = want.held
    if held is None or held.node not in snapshot.nodes:
        return snapshot
    nodes = {**snapshot.nodes, held.node: snapshot.nodes[held.node].released(held.demand)}
    return snapshot.with_nodes(nodes)


def why_stopped(want: Want, victim: Victim) -> str:
    own = victim.record.task.spec.priority
    return f"stopped to make room for {want.key.namespace}/{want.key.name} (priority {want.priority} over {own})"
