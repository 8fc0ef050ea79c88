"""Why a task is where it is, or not yet anywhere, and why a node takes what it takes: from the cache, and for what is
placed from the store's history. Blocking, for worker threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from controlplane.api.http.problem import not_found
from controlplane.api.objects.tasks_service import TaskService
from controlplane.api.placement.shown_why import (
    ShownLine,
    ShownNodeWhy,
    ShownPlacement,
    ShownWhy,
    next_step,
    show_change,
    show_group,
    show_line,
    show_placement,
)
from controlplane.api.shown.objects import ShownTask, show_event, show_node
from controlplane.cluster import ClusterCache, Demand, TaskRecord, unread_volumes
from controlplane.cluster.effective import needs_binding, on_lost_node
from controlplane.dependencies import unmet
from controlplane.limits import held_by_limits
from controlplane.past import bound_at, cluster_at, state_before
from controlplane.placement import (
    Held,
    NodeVerdict,
    Snapshot,
    SnapshotKeeper,
    Want,
    by_node,
    cheapest,
    explain,
    for_all,
    gang_of,
    names_of,
    turn_of,
    victims_of,
    want_of,
)
from controlplane.placement.budgets import Budgets
from controlplane.placement.fairness import capacity_of
from controlplane.placement.holdings import Holdings
from controlplane.why import grouped, nearest_to_ever, standing
from taskyard import keys
from taskyard.clock import Clock
from taskyard.events import ROOM_KEPT
from taskyard.keys import NamedKey
from taskyard.objects import TaskState
from taskyard.store.api import Compacted, Store


@dataclass(slots=True)
class WhyService:
    cache: ClusterCache
    tasks: TaskService
    store: Store
    clock: Clock
    keeper: SnapshotKeeper = field(init=False)
    holdings: Holdings = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = SnapshotKeeper(self.cache)
        self.holdings = Holdings(self.cache)

    def task(self, ident: str, namespace: str, node: str = "") -> ShownWhy:
        """`node`: of this one alone. Raises ApiError: 404 for no such task or node."""
        self.tasks.ready()
        with self.cache.lock:
            unread = self.cache.quarantined.get(keys.task(namespace, ident))
            if unread is not None:
                return _quarantined(namespace, ident, unread, self.cache.revision)
            record = self.tasks.find(ident, namespace)
            shown = self.tasks.get(ident, namespace)
            self._check_node(node)
            snapshot, want = self.keeper.take(), want_of(self.cache, record)
            due = needs_binding(self.cache, record) or on_lost_node(self.cache, record)
            revision, bound = self.cache.revision, self._bound_at(record)
            held_back = bool(
                unmet(self.cache, record) or held_by_limits(self.cache, record) or unread_volumes(self.cache, record)
            )
            line = self._line(record, snapshot) if due and not held_back else None
            kept = self._kept_for_others(record) if due and not held_back else ""
        binding = record.task.binding
        why = replace(
            _told(shown, revision),
            avoids=binding.avoid if binding else [],
            lost_from=binding.lost_from if binding else "",
            on_return=record.task.spec.on_node_loss.on_return if binding and binding.lost_from else "",
            line=line,
        )
        if held_back and not node:
            return why  # Where it would go is not asked yet.
        if due or (node and not record.node):
            placement = _placement(snapshot, want, node)
            if due and not placement.fitting and (change := nearest_to_ever(snapshot, want.demand)) is not None:
                return _with(replace(why, line=None, never=show_change(change)), placement)
            if node or placement.fitting:
                return _with(why, placement, kept if placement.fitting else "")
            return _with(why, placement, self._by_preemption(snapshot, want))
        if not record.node:
            return why
        try:
            then = self._as_bound(record.key, bound, node) if bound else None
        except Compacted as gone:
            note = (
                f"why {record.node} was chosen is not known any more: history before revision {gone.revision} is gone"
            )
            return _with(why, _placement(snapshot, want, node), note)
        if then is not None and node and not then.nodes:
            note = f"{node} was not there yet when it was bound to {record.node}; this is how it is now"
            return _with(why, _placement(snapshot, want, node), note)
        if then is not None:
            return _with(why, then)
        return _with(why, _placement(snapshot, want, node), "nothing is left that says when it was bound")

    def node(self, name: str) -> ShownNodeWhy:
        """Raises ApiError: 404 for no such node."""
        self.tasks.ready()
        with self.cache.lock:
            self._check_node(name)
            node = self.cache.nodes[name]
            shown = show_node(self.cache, node).status
            snapshot = self.keeper.take()
            waiting = [record for record in self.cache.tasks.values() if needs_binding(self.cache, record)]
            wants = sorted((want_of(self.cache, record) for record in waiting), key=lambda want: want.turn)
            revision = self.cache.revision
        state = snapshot.nodes[name]
        verdicts = _verdicts(snapshot, wants, name)
        refused = tuple(NodeVerdict(_label(want), verdict.failures) for want, verdict in verdicts if verdict.failures)
        return ShownNodeWhy(
            kind="NodeWhy",
            name=name,
            ready=shown.ready,
            reason=shown.reason,
            message=shown.message,
            refuses_all=[
                f"taint {t.key}={t.value}:{t.effect}" for t in state.facts.taints if t.effect != "PreferNoSchedule"
            ],
            free={"cpuMillis": state.cpu, "memoryBytes": state.memory, "diskBytes": state.disk},
            tasks=shown.tasks,
            waiting=len(wants),
            takes=[_label(want) for want, verdict in verdicts if not verdict.failures],
            groups=[show_group(group) for group in grouped(refused, 8)],
            revision=revision,
        )

    def _line(self, record: TaskRecord, snapshot: Snapshot) -> ShownLine | None:
        """None: it is the only one that waits."""
        waiting = {r.key: turn_of(r) for r in self.cache.tasks.values() if r is record or needs_binding(self.cache, r)}
        shares = self.holdings.shares({key.namespace for key in waiting}, capacity_of(snapshot.nodes.values()))
        found = standing(record.key, waiting, shares)
        return show_line(record.key.namespace, found) if found is not None and len(waiting) > 1 else None

    def _kept_for_others(self, record: TaskRecord) -> str:
        """What the scheduler said of it last, if that is that its room is kept: only the leader knows for whom. Under
        the lock."""
        said = [
            event
            for entry in self.cache.informer.under(keys.events_about(record.key.namespace, "Task", record.key.name))
            if (event := show_event(entry)) is not None and event.about.uid == record.uid
        ]
        said = [event for event in said if event.reason in ("Scheduled", "FailedScheduling", ROOM_KEPT)]
        last = max(said, key=lambda event: (event.last_seen, event.metadata.revision), default=None)
        return last.message if last is not None and last.reason == ROOM_KEPT else ""

    def _by_preemption(self, snapshot: Snapshot, want: Want) -> str:
        """What would be stopped for it; empty when nothing would help."""
        members = self._waiting_of(want.gang) if want.gang else [want]
        with self.cache.lock:
            budgets = Budgets.of_what_runs(self.cache, {member.key for member in members})
        if want.gang:
            found = for_all(snapshot, [member.demand for member in members], budgets) or []
        else:
            alone = cheapest(snapshot, want.demand, budgets)
            found = [alone] if alone is not None else []
        together = by_node(found)
        with self.cache.lock:
            victims = [each for one in together for each in victims_of(self.cache, one) or ()]
        if not victims:
            return ""
        where, who = " and ".join(one.node for one in together), "its gang" if want.gang else "it"
        return f"on {where} {who} gets the room of {names_of(victims)}, of lower priority"

    def _waiting_of(self, gang: str) -> list[Want]:
        with self.cache.lock:
            records = [record for record in self.cache.tasks.values() if gang_of(record) == gang]
            wants = [want_of(self.cache, record) for record in records if needs_binding(self.cache, record)]
        return sorted(wants, key=lambda want: want.turn)

    def _check_node(self, name: str) -> None:
        if name and name not in self.cache.nodes:
            raise not_found(f"node {name!r}", f"known are {', '.join(sorted(self.cache.nodes)[:5]) or 'none'}")

    def _bound_at(self, record: TaskRecord) -> int:
        """The revision of its binding; 0 when nothing tells. An assignment that was changed since tells nothing."""
        binding = record.task.binding
        held = self.cache.assignment_on(record.uid, record.node)
        if binding is None or held is None or held.assignment.epoch != binding.epoch:
            return 0
        return held.entry.mod_revision if held.assignment.desired == "Running" else 0

    def _as_bound(self, key: NamedKey, revision: int, node: str) -> ShownPlacement | None:
        """As the scheduler found it when it bound the task. Raises Compacted, StoreUnavailable."""
        before = cluster_at(self.store, revision - 1, self.clock, self.cache.strategy)
        bound = bound_at(self.store, revision, before)
        want = next((one.want for one in bound if one.want.key == key), None)
        if want is None:
            return None
        snapshot = state_before(SnapshotKeeper(before).take(), bound, key)
        return _placement(snapshot, want, node, binding=True)


def _told(shown: ShownTask, revision: int) -> ShownWhy:
    status, metadata = shown.status, shown.metadata
    return ShownWhy(
        kind="Why",
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        state=status.state,
        reason=status.reason,
        message=status.message,
        node=status.node,
        waits_for=next_step(status.state, status.message, status.next_attempt_at),
        revision=revision,
    )


def _quarantined(namespace: str, name: str, reason: str, revision: int) -> ShownWhy:
    return ShownWhy(
        kind="Why",
        namespace=namespace,
        name=name,
        state=TaskState.PENDING,
        reason="Quarantined",
        message=f"the value at {keys.task(namespace, name)} is set aside: {reason}",
        waits_for="somebody to put a valid value there, by an apply or with etcdctl",
        revision=revision,
    )


def _with(why: ShownWhy, placement: ShownPlacement, note: str = "") -> ShownWhy:
    return replace(why, placement=placement, note=note)


def _placement(snapshot: Snapshot, want: Want, node: str, *, binding: bool = False) -> ShownPlacement:
    found = explain(snapshot, want.demand, current=want.current, held=want.held)
    if node:
        found = type(found)(tuple(verdict for verdict in found.nodes if verdict.node == node))
    return show_placement(
        snapshot,
        want.demand,
        found,
        at="binding" if binding else "now",
    )


def _verdicts(snapshot: Snapshot, wants: Sequence[Want], name: str) -> list[tuple[Want, NodeVerdict]]:
    """Of the one node; equal questions are asked once."""
    answers: dict[tuple[Demand, str, Held | None], NodeVerdict] = {}
    for want in wants:
        question = (want.demand, want.current, want.held)
        if question not in answers:
            found = explain(snapshot, want.demand, current=want.current, held=want.held)
            answers[question] = next(verdict for verdict in found.nodes if verdict.node == name)
    return [(want, answers[want.demand, want.current, want.held]) for want in wants]


def _label(want: Want) -> str:
    return f"{want.key.namespace}/{want.key.name}"
