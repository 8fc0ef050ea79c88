"""Walks through a stretch of history, transaction by transaction, and asks at each binding what would be decided.

Each decision is made on the state that there really was, so that one that differs does not change those after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from controlplane.cluster import ClusterCache
from controlplane.past import BoundThen, bound_by
from controlplane.placement import SnapshotKeeper
from controlplane.placement.holdings import Holdings
from controlplane.replay.decided import Again, compare
from controlplane.replay.span import Span
from taskyard import keys
from taskyard.clock import Clock, parse_timestamp
from taskyard.store.api import Store, StoreUnavailable
from taskyard.store.informer import Informer
from taskyard.store.steps import SteppedStore

_PATIENCE = 10.0
"""Seconds for the next of the old events: etcd sends them as fast as it can, and tells now and then how far it is."""


@dataclass(slots=True)
class Replayed:
    """`asked`: left where they were because somebody asked for just that node, so there was nothing to decide."""

    decisions: list[Again] = field(default_factory=list)
    moves: int = 0


def replay(store: Store, span: Span, clock: Clock, *, strategy: str, policy: str = "") -> Replayed:
    """`strategy`: the cluster's, for tasks that name none; `policy`: another in its place. Raises Compacted when
    history went away meanwhile, StoreUnavailable."""
    past = SteppedStore(store, span.first - 1, span.last, leave_out=(keys.EVENTS, keys.LEADERS))
    informer = Informer(past, keys.ROOT, clock, relist_every=float("inf"))
    cache = ClusterCache(informer, policy or strategy)
    keeper = SnapshotKeeper(cache)
    found = Replayed()
    try:
        for revision, bound, moves in _transactions(informer, past, cache, keeper):
            found.moves += moves
            wanted = [one for one in bound if _within(span, one.binding.bound_at)]
            if wanted:
                found.decisions += compare(keeper.take(), wanted, revision)
    finally:
        informer.close()
    return found


def _transactions(
    informer: Informer, past: SteppedStore, cache: ClusterCache, keeper: SnapshotKeeper
) -> Iterator[tuple[int, Sequence[BoundThen], int]]:
    """Each one that bound tasks, while the cache is as it was before it: its revision, the tasks that were placed, and
    how many others were moved as was asked for."""
    holdings = Holdings(cache)
    informer.sync()
    steps = past.steps
    assert steps is not None
    while events := steps.coming(_PATIENCE):
        puts = [event.entry for event in events if event.entry is not None and event.key.startswith(keys.TASKS)]
        granted = {keys.parse_move(e.key) for e in events if e.entry is None and e.key.startswith(keys.MOVES)}
        bound = bound_by(puts, cache, keeper.take(), holdings) if puts else []
        placed = [one for one in bound if one.want.key not in granted]
        if bound:
            yield events[0].revision, placed, len(bound) - len(placed)
        informer.pump(0.0)
    if not steps.ended:
        raise StoreUnavailable(f"the store does not go on with its history after revision {cache.revision}")


def _within(span: Span, at: str) -> bool:
    if not (span.since or span.until):
        return True
    try:
        seconds = parse_timestamp(at)
    except ValueError:
        return False
    return span.since <= seconds and (not span.until or seconds <= span.until)
