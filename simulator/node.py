"""One agent process as its composition root puts it together, but stepped; its host and containers outlive it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from nodeagent.agent import Agent, Parts
from nodeagent.anchor import Anchor, MemoryMemo
from nodeagent.checks.checker import Checker
from nodeagent.checks.prober import NetworkProber
from nodeagent.duties import LOOK_EVERY, PROBE_EVERY
from nodeagent.effects import Effects
from nodeagent.fake_guard import FakeGuard
from nodeagent.lanes import InlineLanes
from nodeagent.names import Owner
from nodeagent.publisher import Publisher, StoreWeather
from nodeagent.pulls import Pulls
from nodeagent.readiness import Readiness
from nodeagent.registration import Registration
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerSpec, RuntimeFault
from nodeagent.view import ContainerView
from simulator.driver import Actor, Driver, Process
from simulator.effects import Fuse, Observer, ProcessRuntime, ProcessStore
from simulator.users import PROGRAMS
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.events import EventRecorder
from taskyard.objects import Amounts, NodeLease
from taskyard.store.api import Store, StoreError
from taskyard.store.informer import Informer
from taskyard.store.workqueue import WorkQueue

CLUSTER = "simulated"
CAPACITY = Amounts(cpu_millis=4000, memory_bytes=4 * 2**30, disk_bytes=100 * 2**30)
_TTL = 10.0
_REPUMP = 5.0
_FLUSH_EVERY = 2.0


@dataclass
class Host:
    """The machine under an agent, with two containers that are somebody else's."""

    name: str
    clock: ManualClock
    runtime: FakeRuntime = field(init=False)
    guard: FakeGuard = field(init=False)
    memo: MemoryMemo = field(default_factory=MemoryMemo, init=False)
    foreign: tuple[str, ...] = field(init=False)
    guarding: Callable[[], None] = lambda: None
    """Called when the watchdog may have something to do sooner than it said."""

    def __post_init__(self) -> None:
        self.runtime = FakeRuntime(self.clock, programs=dict(PROGRAMS))
        self.guard = FakeGuard(self.runtime, self.clock, lambda: self.guarding())
        imitation = {"taskyard/cluster": CLUSTER, "taskyard/node": self.name, "taskyard/uid": "0123456789ab"}
        made = [
            self.runtime.create(ContainerSpec("database", "busybox:1.35", {})),
            self.runtime.create(ContainerSpec("imitation", "busybox:1.35", imitation)),
        ]
        for identity in made:
            self.runtime.start(identity)
        self.foreign = tuple(made)


class AgentProcess(Process):
    def __init__(self, host: Host, life: int, inner: Store, driver: Driver, observer: Observer, random: Random) -> None:
        super().__init__(f"agent-{host.name}")
        self._driver = driver
        self.host = host
        clock = driver.clock
        self.fuse = Fuse(driver, self, observer)
        self.store = ProcessStore(inner, self.fuse, observer, random)
        runtime = ProcessRuntime(host.runtime, host.name, self.fuse, observer, self.containers_changed)
        owner = Owner(CLUSTER, host.name)
        value = NodeLease(
            incarnation=str(life),
            host_id=host.name,
            address=f"{host.name}:1",
            capacity=CAPACITY,
            runtime_ready=False,
        )
        self._registration = Registration(self.store, clock, host.name, value, ttl=_TTL, guard=host.guard)
        self._readiness = Readiness(runtime, self._registration.runtime_ready)
        self._informer = Informer(self.store, keys.node_prefix(host.name), clock)
        self._queue: WorkQueue[str] = WorkQueue(clock)
        view = ContainerView(owner)
        self._recorder = EventRecorder(self.store, clock, f"agent/{host.name}", self._noted)
        self._runtime = runtime
        self._owner = owner
        self._agent = Agent(
            Parts(
                owner=owner,
                runtime=runtime,
                informer=self._informer,
                queue=self._queue,
                view=view,
                effects=Effects(owner, runtime, self.store, view, self._registration, host.guard, clock),
                pulls=Pulls(
                    runtime,
                    InlineLanes(),
                    clock,
                    limit=1,
                    ended=self._queue.add,
                    unanswered=lambda: driver.wake(self._looking, driver.latency()),
                ),
                checker=Checker(NetworkProber(runtime), InlineLanes(), clock, self._queue.add),
                publisher=Publisher(host.name, self.store, self._registration),
                standing=self._registration,
                guard=host.guard,
                anchor=Anchor(host.name, host.name, host.memo, self._registration.commit),
                weather=StoreWeather(clock),
                recorder=self._recorder,
                lanes=InlineLanes(),
                clock=clock,
                runtime_failed=lambda: driver.wake(self._looking, driver.latency()),
            )
        )
        self._informer.subscribe(self._agent.changed)
        self._informer.subscribe(self._registration.changed)
        self._look_at = 0.0
        self._heard = clock.now()
        self.following = Actor(self, "informer", self._follow)
        self._registering = Actor(self, "lease", self._register)
        self._looking = Actor(self, "look", self._look)
        self._hearing = Actor(self, "events", self._hear)
        self._reconciling = Actor(self, "loop", self._reconcile)
        self._recording = Actor(self, "recorder", self._flush)

    def boot(self) -> None:
        for actor in (self.following, self._registering, self._looking, self._hearing, self._reconciling):
            self._driver.wake(actor, self._driver.latency())

    def stop(self) -> None:
        """Nothing of it is heard again; its containers go on."""
        self.kill()
        self._informer.close()

    def containers_changed(self) -> None:
        self._driver.wake(self._hearing, self._driver.latency())

    def _register(self) -> float:
        self.store.who = f"{self.name}/lease"
        return self._registration.step()

    def _follow(self) -> float:
        try:
            news = False
            while self._informer.pump(0.0):
                news = True
        except StoreError:
            return 0.2
        if news:
            self._wake_loop()
            if not self._registration.certain() or self._informer.entries.get(keys.node_lease(self.host.name)) is None:
                self._driver.wake(self._registering, self._driver.latency())
        return _REPUMP

    def _look(self) -> float:
        was_ready, now = self._readiness.ready, self._driver.clock.monotonic()
        try:
            ready = self._readiness.probe()
            if ready and (not was_ready or now >= self._look_at):
                self._agent.look_around()
                self._look_at = now + LOOK_EVERY
        except RuntimeFault:
            ready = False
        if ready != was_ready:
            self._driver.wake(self._registering, self._driver.latency())
        self._wake_loop()
        return PROBE_EVERY if ready else 1.0

    def _hear(self) -> float:
        """Events that come while nobody listens are missed, as when a connection to Docker broke."""
        now = self._driver.clock.now()
        try:
            news = [e for e in self._runtime.events(self._owner.labels, self._heard) if self._heard < e.at <= now]
        except RuntimeFault:
            return 1.0
        for event in news:
            self._agent.happened(event)
        if news:
            self._heard = max(event.at for event in news)
            self._wake_loop()
        due = self.host.runtime.next_event()
        return 30.0 if due is None else max(due - now, 0.0) + 0.001

    def _wake_loop(self) -> None:
        if len(self._queue):
            self._driver.wake(self._reconciling, self._driver.latency())

    def _reconcile(self) -> float:
        self.store.who = f"{self.name}/loop"
        self._agent.reconcile(0.0)
        if len(self._queue):
            return self._driver.latency()
        due = self._queue.next_due()
        return 30.0 if due is None else max(due - self._driver.clock.monotonic(), self._driver.latency())

    def _flush(self) -> float:
        self.store.who = f"{self.name}/events"
        self._recorder.flush()
        return _FLUSH_EVERY if self._recorder.waiting else math.inf

    def _noted(self) -> None:
        self._driver.wake(self._recording, _FLUSH_EVERY)
