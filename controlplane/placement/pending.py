"""Why each waiting task waits, for answers about many of them: explained once per demand and state of the nodes."""

from __future__ import annotations

from controlplane.cluster import ClusterCache, Demand, TaskRecord, Waiting, unread_volumes
from controlplane.dependencies import Unmet, time_left, unmet
from controlplane.limits import held_by_limits
from controlplane.placement.explanation import explain, why_waiting
from controlplane.placement.nodes import Snapshot
from controlplane.placement.snapshots import SnapshotKeeper
from controlplane.placement.want import Held, want_of
from taskyard.clock import Clock


class PendingReasons:
    """Hand it to `effective.view` as `why_pending`. Each look is at the present; only equal questions are shared."""

    def __init__(self, cache: ClusterCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._keeper = SnapshotKeeper(cache)
        self._of: Snapshot | None = None
        self._known: dict[tuple[Demand, str, Held | None, str], Waiting] = {}

    def __call__(self, record: TaskRecord) -> Waiting:
        with self._cache.lock:
            if limits := held_by_limits(self._cache, record):
                return Waiting("BeyondLimits", limits)
            if where := unread_volumes(self._cache, record):
                return Waiting("RecordUnreadable", where)
            if waits_for := unmet(self._cache, record):
                return self._depends(record, waits_for)
            snapshot = self._keeper.take()
            if snapshot is not self._of:
                self._of = snapshot
                self._known.clear()
            want = want_of(self._cache, record)
            question = (want.demand, want.current, want.held, want.gang)
            if question not in self._known:
                found = explain(snapshot, want.demand, current=want.current, held=want.held)
                # Where it fits, it is only its turn that has not come yet.
                self._known[question] = Waiting(
                    "Scheduling" if found.fits else "Unschedulable", why_waiting(want, found)
                )
            return self._known[question]

    def _depends(self, record: TaskRecord, found: list[Unmet]) -> Waiting:
        now, awaited = self._clock.now(), " and ".join(each.text for each in found)
        if any(left <= 0 for each in found if (left := time_left(record, each, now)) is not None):
            return Waiting("DependencyTimeout", f"still waits for {awaited}")
        return Waiting("Dependencies", f"waits for {awaited}")
