"""One control plane process as its composition root puts it together, but stepped: API, scheduler and controllers."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from controlplane.admission import NodeWriter, ObjectWriter
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import unavailable
from controlplane.api.objects.nodes_service import NodeService
from controlplane.api.objects.objects_service import ObjectService
from controlplane.api.objects.tasks_service import TaskService
from controlplane.api.placement.rebalance_service import RebalanceService
from controlplane.cluster import ClusterCache
from controlplane.cluster.readings import Readings
from controlplane.controllers import controllers
from controlplane.leading import LeaderLoop, Means
from controlplane.nodeloss import NodeLosses
from controlplane.past import HistoryKeeper, Retention
from controlplane.past.keeper import MARK_EVERY
from controlplane.placement import PendingReasons
from controlplane.publishing import Formats, Publisher
from controlplane.scheduler import Scheduler
from simulator.driver import Actor, Driver, Process
from simulator.effects import Fuse, Observer, ProcessStore
from simulator.garbage import KEEP
from simulator.watches import REPUMP
from taskyard import keys
from taskyard.clock import Clock
from taskyard.events import EventRecorder
from taskyard.store.api import Store, StoreError
from taskyard.store.elector import Elector
from taskyard.store.informer import Informer

_TTL = 5.0
_FLUSH_EVERY = 2.0
_AGAIN = 0.2
"""Seconds after which a loop goes on whose round the store has failed, as the thread around it has it."""


class PumpedFreshness(Freshness):
    """There is no other thread to pump the cache, so whoever waits for it does."""

    def __init__(self, store: Store, pump: Callable[[], object], informer: Informer) -> None:
        self._store = store
        self._pump = pump
        self._informer = informer

    def reach(self, revision: int) -> bool:
        self._pump()
        return self._informer.revision >= revision

    def reach_now(self) -> None:
        if not self.reach(self._store.list(keys.LEADERS).revision):
            raise unavailable("the watch lags", "Lagging")


class PlaneProcess(Process):
    def __init__(
        self,
        name: str,
        life: int,
        inner: Store,
        driver: Driver,
        observer: Observer,
        readings: Readings,
        random: Random,
        clock: Clock,
        formats: Formats,
        kept: Retention,
    ) -> None:
        """`clock`: of its machine. `readings`: of all planes of the run, lest each decodes the same values."""
        super().__init__(name)
        self.identity = f"{name}-{life}"
        self._driver = driver
        self.fuse = Fuse(driver, self, observer)
        self.store = ProcessStore(inner, self.fuse, observer, random)
        self.informer = Informer(self.store, keys.ROOT, clock)
        self.cache = ClusterCache(self.informer, readings=readings)
        losses = NodeLosses(self.cache, clock)
        self._recorder = EventRecorder(self.store, clock, "controlplane", self._noted)
        self._electors = [
            Elector(self.store, clock, role, self.identity, ttl=_TTL) for role in ("scheduler", "controllers")
        ]
        scheduling, controlling = self._electors
        uids = (f"{random.getrandbits(48):012x}" for _ in iter(int, 1))

        def means(elector: Elector) -> Means:
            return Means(
                self.store, self.cache, clock, elector.fence, self._recorder, losses, new_uid=lambda: next(uids)
            )

        loops: dict[str, LeaderLoop[Any]] = {
            "scheduler": Scheduler(means(scheduling)),
            **controllers(lambda _: means(controlling), KEEP),
        }
        if formats.prefixes:
            loops["publisher"] = Publisher(means(controlling), formats)
        writer = ObjectWriter(self.store, clock, guess=self.informer.entries.get, new_uid=lambda: next(uids))
        freshness = PumpedFreshness(self.store, self._pump, self.informer)
        self.tasks = TaskService(self.cache, writer, freshness, PendingReasons(self.cache, clock), clock, losses)
        self.services = ObjectService("Service", self.cache, writer, freshness)
        self.configs = ObjectService("Config", self.cache, writer, freshness)
        self.secrets = ObjectService("Secret", self.cache, writer, freshness)
        self.jobs = ObjectService("Job", self.cache, writer, freshness)
        self.crons = ObjectService("Cron", self.cache, writer, freshness)
        self.namespaces = ObjectService("Namespace", self.cache, writer, freshness)
        self.nodes = NodeService(self.cache, NodeWriter(self.store, clock), freshness)
        self.rebalance = RebalanceService(self.cache, self.tasks, self.store, clock)
        self.following = Actor(self, "informer", self._follow)
        self.store.delivery.awake = lambda delay: driver.wake(self.following, delay)
        self.electing = [Actor(self, "elector", self._elector_step(elector)) for elector in self._electors]
        self._looping: dict[Elector, list[tuple[Actor, LeaderLoop[Any]]]] = {scheduling: [], controlling: []}
        for part, loop in loops.items():
            actor = Actor(self, part, self._loop_step(part, loop))
            self._looping[scheduling if part == "scheduler" else controlling].append((actor, loop))
        self._history = HistoryKeeper(self.store, clock, controlling.fence, kept, lambda: 0)
        self._marking = Actor(self, "history", self._mark)
        self._recording = Actor(self, "recorder", self._flush)

    def boot(self) -> None:
        self._driver.wake(self.following, self._driver.latency())
        stepped = [actor for looping in self._looping.values() for actor, _ in looping]
        for actor in (*self.electing, self._marking, *stepped):
            self._driver.wake(actor, self._driver.latency())

    def stop(self) -> None:
        """Nothing of it is heard again."""
        self.kill()
        self.informer.close()

    def _follow(self) -> float:
        try:
            news = self._pump()
        except StoreError:
            return 0.2
        if news:
            self._wake_loops()
        return REPUMP

    def _wake_loops(self, of_another_term: Elector | None = None) -> None:
        """Those that have something to do now: work, or a term to begin, also where it lost the last one and was
        elected anew while they slept. Their threads look twice a second."""
        for elector, looping in self._looping.items():
            if elector.leadership is None:
                continue
            for actor, loop in looping:
                if elector is of_another_term or not loop.leading or len(loop.queue):
                    self._driver.wake(actor, self._driver.latency())

    def _pump(self) -> bool:
        """One batch of a store in memory is all that there is."""
        return self.informer.pump(0.0)

    def _elector_step(self, elector: Elector) -> Callable[[], float]:
        def step() -> float:
            self.store.who = f"{self.identity}/elector"
            before = _term(elector)
            pause = elector.step()
            self._wake_loops(of_another_term=elector if _term(elector) != before else None)
            return pause

        return step

    def _loop_step(self, part: str, loop: LeaderLoop[Any]) -> Callable[[], float]:
        def step() -> float:
            self.store.who = f"{self.identity}/{part}"
            try:
                loop.step()
            except StoreError:
                return _AGAIN
            if not loop.leading:
                return math.inf  # The elector's next step wakes it.
            return max(loop.next_due() - self._driver.clock.monotonic(), self._driver.latency())

        return step

    def _mark(self) -> float:
        self.store.who = f"{self.identity}/history"
        with suppress(StoreError):
            self._history.step()
        return MARK_EVERY

    def _flush(self) -> float:
        self.store.who = f"{self.identity}/events"
        self._recorder.flush()
        return _FLUSH_EVERY if self._recorder.waiting else math.inf

    def _noted(self) -> None:
        self._driver.wake(self._recording, _FLUSH_EVERY)


def _term(elector: Elector) -> int:
    """The one that it leads in, which a renewal does not change; 0: none."""
    held = elector.leadership
    return held.create_revision if held is not None else 0
