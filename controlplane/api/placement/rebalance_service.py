"""The moves that would improve the placement, and the wish that a task be moved. Blocking, for worker threads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from controlplane.api.http.problem import ApiError, not_found
from controlplane.api.objects.tasks_service import TaskService
from controlplane.api.shown.objects import ShownTask
from controlplane.cluster import ClusterCache
from controlplane.cluster.effective import runs
from controlplane.cluster.rules import pinned
from controlplane.placement import SnapshotKeeper, explain, want_of
from controlplane.placement.budgets import Budgets, counted
from controlplane.rebalance import Balance, balance_of, best_moves, movables
from controlplane.scheduler.moves import TOO_FEW_LEFT
from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.objects import Move, Wire, encode
from taskyard.store.api import Put, Store, unchanged, unchanged_since


class ShownBalance(Wire, frozen=True, kw_only=True):
    unevenness: float
    empty_nodes: int


class ShownMove(Wire, frozen=True, kw_only=True):
    """`before` and `after`: the scores of the two nodes with the task on them."""

    namespace: str
    name: str
    uid: str
    epoch: int
    from_node: str
    to_node: str
    gain: float
    before: float
    after: float


class ShownRebalance(Wire, frozen=True, kw_only=True):
    """`pinned`: how many tasks are not moved, by the reason."""

    kind: str
    revision: int
    moves: list[ShownMove]
    before: ShownBalance
    after: ShownBalance
    movable: int
    pinned: dict[str, int]


@dataclass(slots=True)
class RebalanceService:
    cache: ClusterCache
    tasks: TaskService
    store: Store
    clock: Clock
    keeper: SnapshotKeeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = SnapshotKeeper(self.cache)

    def plan(self, limit: int) -> ShownRebalance:
        self.tasks.ready(consistent=True)
        with self.cache.lock:
            snapshot = self.keeper.take()
            movable, held = movables(self.cache)
        moves, then = best_moves(snapshot, movable, limit)
        return ShownRebalance(
            kind="Rebalance",
            revision=snapshot.revision,
            moves=[
                ShownMove(
                    namespace=move.task.key.namespace,
                    name=move.task.key.name,
                    uid=move.task.uid,
                    epoch=move.task.epoch,
                    from_node=move.task.node,
                    to_node=move.to,
                    gain=round(move.gain, 4),
                    before=round(move.before, 4),
                    after=round(move.after, 4),
                )
                for move in moves
            ],
            before=_balance(balance_of(snapshot)),
            after=_balance(balance_of(then)),
            movable=len(movable),
            pinned=dict(sorted(Counter(each.why for each in held).items())),
        )

    def move(self, ident: str, namespace: str, to: str, epoch: int = 0) -> ShownTask:
        """Asks the scheduler to bind the task to that node. `epoch`: of the binding that it is to leave; 0: the present
        one. Raises ApiError: 404, and 409 with all that is in the way."""
        self.tasks.ready(consistent=True)
        with self.cache.lock:
            record = self.tasks.find(ident, namespace)
            binding, asked = record.task.binding, self.cache.moves.get(record.key)
            if to not in self.cache.nodes:
                raise not_found(f"node {to!r}", f"known are {', '.join(sorted(self.cache.nodes)[:5]) or 'none'}")
            snapshot, want = self.keeper.take(), want_of(self.cache, record)
            left = Budgets.of_what_runs(self.cache, self.cache.moves.keys() - {record.key})
            spared = not runs(self.cache, record) or left.allow(counted(self.cache, record))
        label = f"task/{record.key.name}"
        if binding is None or record.task.metadata.deletion_timestamp:
            raise _no(f"{label} has no node to leave" if binding is None else f"{label} is being deleted")
        if epoch and binding.epoch != epoch:
            raise _no(f"{label} was bound anew since: its epoch is {binding.epoch}, not {epoch}")
        if binding.node == to:
            raise _no(f"{label} is on {to} already")
        if why := pinned(record.task.spec) or ("" if spared else TOO_FEW_LEFT):
            raise _no(f"{label} stays on {binding.node}: {why}")
        found = explain(snapshot, want.demand, current=want.current, held=want.held)
        if to not in {verdict.node for verdict in found.fitting}:
            raise _no(f"{label} does not fit on {to}: `taskyard why {record.key.name} --node {to}` says why")
        wish = Move(uid=record.uid, epoch=binding.epoch, to=to, requested_at=timestamp(self.clock.now()))
        key = keys.move(*record.key)
        before = asked.entry.mod_revision if asked is not None else 0
        commit = self.store.commit([unchanged(record.entry), unchanged_since(key, before)], [Put(key, encode(wish))])
        if not commit.succeeded:
            raise _no(f"{label} was changed just now: try again")
        return self.tasks.get(ident, namespace)


def _no(detail: str) -> ApiError:
    return ApiError(409, "Immovable", detail)


def _balance(found: Balance) -> ShownBalance:
    return ShownBalance(unevenness=round(found.unevenness, 4), empty_nodes=found.empty)
