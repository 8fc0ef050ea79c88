"""Fork: a cluster that begins as the cache has it at one revision, and goes on by itself: in memory, on a clock of
its own, with agents that do at once what they are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from controlplane.cluster import ClusterCache, TaskRecord
from controlplane.cluster.effective import needs_binding
from controlplane.evictions import EvictionController
from controlplane.forecast.agents import obey
from controlplane.jobs import JobController
from controlplane.leading import LeaderLoop, Means
from controlplane.nodeloss import NodeLosses
from controlplane.ownership import OwnershipController
from controlplane.scheduler import Scheduler
from controlplane.services import ServiceController
from controlplane.tasks import TaskController
from controlplane.volumes import VolumeController
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.events import EventRecorder
from taskyard.keys import NamedKey
from taskyard.store.api import MAX_OPERATIONS, Compare, Entry, Put, absent
from taskyard.store.informer import Informer
from taskyard.store.memory import MemoryStore

_TICK = 0.1
_PATIENCE = 1.0
"""Seconds of its own time that it goes on when nothing happens: tries that failed are repeated within that."""
_FORESIGHT = 120.0
"""Seconds of its own time that a forecast looks ahead once agents have done what they were told: a rollout's pauses."""
_ROUNDS = 10_000
_LEFT_OUT = (keys.EVENTS, keys.LEADERS)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a task is; `due`: it waits for a binding, its first or a new one."""

    uid: str
    node: str
    epoch: int
    due: bool


class Fork:
    """`revision` and `began_as`: of the cluster's store. `now`: seconds since the epoch, at its beginning."""

    def __init__(self, cache: ClusterCache, now: float) -> None:
        with cache.lock:
            self.revision = cache.revision
            held = cache.informer.entries.items()
            self.began_as = {key: entry for key, entry in held if not key.startswith(_LEFT_OUT)}
        self.clock = ManualClock(now)
        self.store = MemoryStore(self.clock)
        _fill(self.store, self.began_as.values())
        self.informer = Informer(self.store, keys.ROOT, self.clock)
        self.cache = ClusterCache(self.informer, cache.strategy)
        self.losses = NodeLosses(self.cache, self.clock)
        events = EventRecorder(self.store, self.clock, "forecast")
        means = Means(self.store, self.cache, self.clock, _fence, events, self.losses, self.new_uid)
        self._loops: tuple[LeaderLoop[Any], ...] = (
            Scheduler(means),
            TaskController(means),
            OwnershipController(means),
            ServiceController(means),
            EvictionController(means),
            VolumeController(means),
            JobController(means),
        )
        self._uids = count(1)
        self.pump()

    def new_uid(self) -> str:
        """None that the cluster has: the same for the same plan."""
        while True:
            uid = f"{next(self._uids):012x}"
            if self.cache.by_uid(uid) is None:
                return uid

    def pump(self) -> None:
        while self.informer.pump(0.0):
            pass

    def decide(self) -> None:
        """Until the scheduler and the controllers have nothing to do, with no agent having moved."""
        quiet = 0.0
        for _ in range(_ROUNDS):
            self.pump()
            busy = [loop.step() for loop in self._loops]
            if any(busy):
                quiet = 0.0
                continue
            if quiet >= _PATIENCE:
                return
            self.clock.advance(_TICK)
            quiet += _TICK
        raise RuntimeError(f"the forecast of revision {self.revision} does not come to an end")

    def settle(self) -> None:
        """Until nothing happens any more: what was to stop has stopped, what was to start runs, and what was put off
        for a while has had its turn."""
        until = self.clock.monotonic() + _FORESIGHT
        self.decide()
        while obey(self.store, self.cache, self.clock.now()) or self._wait(until):
            self.decide()

    def _wait(self, until: float) -> bool:
        """Time passes until the next thing that a loop has put off; False when that is further away."""
        put_off = [due for loop in self._loops if (due := loop.queue.next_due()) is not None]
        if not put_off or min(put_off) > until:
            return False
        self.clock.advance(max(min(put_off) - self.clock.monotonic(), 0.0) + _TICK)
        return True

    def placed(self) -> Mapping[NamedKey, Placed]:
        with self.cache.lock:
            return {key: self._placed(record) for key, record in self.cache.tasks.items()}

    def _placed(self, record: TaskRecord) -> Placed:
        binding = record.task.binding
        node, epoch = (binding.node, binding.epoch) if binding else ("", 0)
        return Placed(record.uid, node, epoch, needs_binding(self.cache, record))


def _fence() -> Compare:
    """Nobody else leads here."""
    return absent(keys.leader("forecast"))


def _fill(store: MemoryStore, entries: Iterable[Entry]) -> None:
    """In the order in which they were created, which says which of two claims of a uid is the older."""
    puts = [Put(e.key, e.value) for e in sorted(entries, key=lambda e: (e.create_revision, e.key))]
    for start in range(0, len(puts), MAX_OPERATIONS):
        store.commit([], puts[start : start + MAX_OPERATIONS])
