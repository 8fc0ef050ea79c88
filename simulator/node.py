"""One agent process as its composition root puts it together, but stepped; its host and containers outlive it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from nodeagent.agent import Agent, Parts
from nodeagent.anchor import Anchor, MemoryMemo
from nodeagent.assigned import assigned, ended
from nodeagent.checks.checker import Checker
from nodeagent.checks.prober import NetworkProber
from nodeagent.conditions import Conditions
from nodeagent.draining import to_leave
from nodeagent.duties import FRESHEN_EVERY, LOOK_EVERY, MEASURE_EVERY, PROBE_EVERY
from nodeagent.effects import Effects
from nodeagent.emptying import LOOK_WHETHER_EMPTY, Emptying, Stops
from nodeagent.fake_files import FakeFiles, Kept
from nodeagent.fake_guard import FakeGuard
from nodeagent.freshness import Freshness
from nodeagent.lanes import InlineLanes, Lane, Lanes
from nodeagent.leader_time import LOOK_EVERY as COMPARE_EVERY
from nodeagent.leader_time import LeaderTime, skew
from nodeagent.logins import Logins
from nodeagent.metrics import Scraper, targets_of
from nodeagent.names import Owner
from nodeagent.preparation import Preparer
from nodeagent.publisher import Publisher, StoreWeather
from nodeagent.pulls import Pulls
from nodeagent.readiness import Readiness
from nodeagent.registration import Registration
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerSpec, RuntimeFault
from nodeagent.view import ContainerView
from simulator.clocks import MachineClock
from simulator.drawn_loads import told_on, usage
from simulator.driver import Actor, Driver, Process
from simulator.effects import Fuse, Observer, ProcessRuntime, ProcessStore
from simulator.lanes import SlowLanes
from simulator.registry import Registry
from simulator.specs import INSIDE, PROGRAMS
from simulator.watches import REPUMP
from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.events import EventRecorder
from taskyard.objects import Amounts, NodeCondition, NodeLease, NodeStats, encode
from taskyard.store.api import Put, Store, StoreError
from taskyard.store.informer import Informer
from taskyard.store.workqueue import WorkQueue

CLUSTER = "simulated"
CAPACITY = Amounts(cpu_millis=4000, memory_bytes=4 * 2**30, disk_bytes=100 * 2**30)
MAX_CLOCK_SKEW = 5.0
_TTL = 10.0
_FLUSH_EVERY = 2.0
_LOOK_EVERY = 5.0
"""Of the watchdog, for the condemned; it is called besides when one may have been started."""
_NOTICES_AFTER = (0.0, 0.1, 2.0)
"""Seconds that a container runtime takes to notice an end, which its agent may know of at once."""
_PULLS_TAKE = (0.3, 2.0, 9.0)
"""Seconds."""
_CHANGES_TAKE = (0.0, 0.02, 0.3)
"""Seconds that a start or a stop waits for its turn, where they have threads of their own."""
_APART = 0.5
"""The share of hosts where they have."""


@dataclass
class Host:
    """The machine under an agent, with two containers that are somebody else's."""

    name: str
    """Of the node that its agent wants to be."""
    true_time: Clock
    key: str
    """Its own identity; another than the name's when two machines want one name."""
    registry: Registry
    clock: MachineClock = field(init=False)
    runtime: FakeRuntime = field(init=False)
    guard: FakeGuard = field(init=False)
    memo: MemoryMemo = field(default_factory=MemoryMemo, init=False)
    foreign: dict[str, str] = field(default_factory=dict, init=False)
    """Id → name."""
    broken: bool = field(default=False, init=False)
    """Its container runtime does not work properly."""
    files: Kept = field(default_factory=dict, init=False)
    metrics: bool = False
    """Some tasks tell metrics, which the agent is to ask for."""
    apart: bool = field(init=False)
    """Containers are started and stopped while its agent decides about others."""
    mounts: bool = False
    """Some tasks have files of Secrets and Configs, which the agent is to keep fresh."""
    guarding: Callable[[float], None] = lambda _: None
    """Called with the seconds until the watchdog may have something to do, sooner than it said."""

    def __post_init__(self) -> None:
        self.clock = MachineClock(self.true_time)
        self.runtime = FakeRuntime(
            self.clock,
            registry=self.registry.images,
            tags=self.registry.tags,
            programs=dict(PROGRAMS),
            inside=dict(INSIDE),
            notices_after=Random(f"{self.key}/notices").choice(_NOTICES_AFTER),
        )
        self.apart = Random(f"{self.key}/lanes").random() < _APART
        self.guard = FakeGuard(self.runtime, self.clock, lambda: self.guarding(0.0), look_every=_LOOK_EVERY)
        self.add_foreign("database", {})
        self.add_foreign("imitation", self.imitation("0123456789ab"))

    def imitation(self, uid: str) -> dict[str, str]:
        """Labels as our own containers have them, as far as they go."""
        return {"taskyard/cluster": CLUSTER, "taskyard/node": self.name, "taskyard/uid": uid}

    def add_foreign(self, name: str, labels: Mapping[str, str]) -> None:
        """Somebody else's container, as no agent makes it."""
        made = self.runtime.create(ContainerSpec(name, "busybox:1.35", labels))
        self.runtime.start(made)
        self.foreign[made] = name

    def fill(self, full: bool) -> None:
        self.runtime.full = self.memo.full = full


class AgentProcess(Process):
    """`life`: no two of all processes have the same."""

    def __init__(self, host: Host, life: int, inner: Store, driver: Driver, observer: Observer, random: Random) -> None:
        super().__init__(f"agent-{host.key}")
        self._driver = driver
        self.host = host
        clock = host.clock
        self.fuse = Fuse(driver, self, observer)
        self.store = ProcessStore(inner, self.fuse, observer, random)
        runtime = ProcessRuntime(host.runtime, host.key, self.fuse, observer, self.containers_changed)
        owner = Owner(CLUSTER, host.name)
        value = NodeLease(
            incarnation=str(life),
            host_id=host.key,
            address=f"{host.key}:1",
            capacity=CAPACITY,
            conditions=[NodeCondition(type="RuntimeDown", since=timestamp(clock.now()))],
        )
        self.incarnation = value.incarnation
        self._registration = Registration(self.store, clock, host.name, value, ttl=_TTL, guard=host.guard)
        self._recorder = EventRecorder(self.store, clock, f"agent/{host.name}", self._noted)
        self._conditions = Conditions(
            host.name, clock, self._recorder, self._registration.describe_conditions, value.conditions
        )
        self._readiness = Readiness(runtime, self._conditions.note, self._registration.describe_runtime)
        self._leader_time = LeaderTime(self.store, clock)
        self._informer = Informer(self.store, keys.node_prefix(host.name), clock)
        self._queue: WorkQueue[str] = WorkQueue(clock)
        view = ContainerView(owner)
        self._runtime = runtime
        self._owner = owner
        files = FakeFiles(host.files, lambda what: self.fuse.light(what, "of values", "loop"))
        self._freshness = Freshness(
            self.store, files, self._recorder, lambda: assigned(self._informer), self._queue.add
        )
        self._agent = Agent(
            Parts(
                owner=owner,
                runtime=runtime,
                informer=self._informer,
                queue=self._queue,
                view=view,
                effects=Effects(
                    owner,
                    runtime,
                    self.store,
                    view,
                    self._registration,
                    host.guard,
                    clock,
                    Preparer(owner, runtime, self.store, files=files),
                ),
                pulls=Pulls(
                    runtime,
                    SlowLanes(self, driver, {Lane.PULL: lambda: driver.random.choice(_PULLS_TAKE)}),
                    clock,
                    Logins(self.store),
                    limit=2,
                    ended=self._queue.add,
                    unanswered=lambda: driver.wake(self._looking, driver.latency()),
                ),
                checker=Checker(NetworkProber(runtime, clock), InlineLanes(), clock, self._queue.add),
                publisher=Publisher(host.name, self.store, self._registration),
                standing=self._registration,
                guard=host.guard,
                anchor=Anchor(host.name, host.key, host.memo, self._registration.commit),
                weather=StoreWeather(clock),
                recorder=self._recorder,
                lanes=self._lanes(life),
                clock=clock,
                runtime_failed=lambda: driver.wake(self._looking, driver.latency()),
                outdated=self._freshness.outdated,
            )
        )
        self._informer.subscribe(self._agent.changed)
        self._informer.subscribe(self._registration.changed)
        self._look_at = 0.0
        self._heard = host.runtime.happenings
        self._heard_ends = len(host.runtime.containers.ends)
        """How many of the runtime's events are old news."""
        self.following = Actor(self, "informer", self._follow)
        self.store.delivery.awake = lambda delay: driver.wake(self.following, delay)
        self._registering = Actor(self, "lease", self._register)
        self._looking = Actor(self, "look", self._look)
        self._view = view
        self._scraper = Scraper(self._fetch, InlineLanes(), clock)
        self._measuring = Actor(self, "stats", self._measure)
        self._timing = Actor(self, "clock", self._compare_clocks)
        self._hearing = Actor(self, "events", self._hear)
        self._reconciling = Actor(self, "loop", self._reconcile)
        self._recording = Actor(self, "recorder", self._flush)
        self._emptying: Emptying | None = None
        self._emptied: Callable[[], None] = lambda: None

    def _lanes(self, life: int) -> Lanes:
        if not self.host.apart:
            return InlineLanes()
        random = Random(f"{life}/lanes")
        turns = dict.fromkeys((Lane.START, Lane.STOP), lambda: random.choice(_CHANGES_TAKE))
        return SlowLanes(self, self._driver, turns, self._carry_out)

    def _carry_out(self, work: Callable[[], None]) -> None:
        self.store.who = f"{self.name}/loop"
        work()
        self._wake_loop()

    def boot(self) -> None:
        if self.host.mounts:
            self._driver.wake(Actor(self, "freshness", self._freshen), FRESHEN_EVERY)
        for actor in (
            self.following,
            self._registering,
            self._looking,
            self._timing,
            self._hearing,
            self._reconciling,
            self._measuring,
        ):
            self._driver.wake(actor, self._driver.latency())

    def stop(self) -> None:
        """Nothing of it is heard again; its containers go on."""
        self.kill()
        self._informer.close()

    def drain(self, limit: float, emptied: Callable[[], None]) -> None:
        """As `taskyard agent drain` asks it; once it has told the store that it ends, `emptied` is called."""
        if self._emptying is not None:
            return
        self._emptying, self._emptied = Emptying(self.host.name, Stops(), self.host.clock, limit), emptied
        self._registration.drain()
        self._driver.wake(self._registering, self._driver.latency())
        self._driver.wake(Actor(self, "emptying", self._wait_to_be_empty), self._driver.latency())

    @property
    def leaves(self) -> bool:
        """It waits until its node is empty."""
        return self._emptying is not None

    def _wait_to_be_empty(self) -> float:
        self.store.who = f"{self.name}/lease"
        running = {one.run.uid for one in self._view.all() if one.running}
        left = to_leave(assigned(self._informer), running, ended(self._informer))
        if self._emptying is not None and self._emptying.look(left):
            return LOOK_WHETHER_EMPTY
        self._registration.leave()
        self._emptied()
        return math.inf

    def containers_changed(self) -> None:
        self._driver.wake(self._hearing, self._driver.latency())

    def _register(self) -> float:
        self.store.who = f"{self.name}/lease"
        return self._registration.step()

    def _follow(self) -> float:
        try:
            news = self._informer.pump(0.0)  # One batch of a store in memory is all that there is.
        except StoreError:
            return 0.2
        if news:
            self._wake_loop()
            if not self._registration.certain() or self._informer.entries.get(keys.node_lease(self.host.name)) is None:
                self._driver.wake(self._registering, self._driver.latency())
        return REPUMP

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

    def _freshen(self) -> float:
        self.store.who = f"{self.name}/loop"
        try:
            self._freshness.step()
        except StoreError:
            return FRESHEN_EVERY
        self._wake_loop()
        return FRESHEN_EVERY

    def _compare_clocks(self) -> float:
        try:
            self._leader_time.step()
        except StoreError:
            return COMPARE_EVERY
        self._conditions.note("ClockSkew", skew(self._leader_time.ahead(), MAX_CLOCK_SKEW))
        if self._registration.due:
            self._driver.wake(self._registering, self._driver.latency())
        return COMPARE_EVERY

    def _measure(self) -> float:
        self.store.who = f"{self.name}/stats"
        now, lease = self._driver.clock.monotonic(), self._registration.lease()
        running = sorted(one.run.uid for one in self._view.all() if one.running)
        if self.host.metrics:
            self._scraper.ask(targets_of(self._view, assigned(self._informer)))
        tasks = {uid: usage(uid, now, self._scraper.told(uid)) for uid in running}
        stats = NodeStats(at=timestamp(self.host.clock.now()), tasks=tasks)
        try:
            if lease:
                self._registration.commit([Put(keys.node_stats(self.host.name), encode(stats), lease)])
        except StoreError:
            pass
        return MEASURE_EVERY

    def _fetch(self, _address: str, _port: int, _path: str) -> str:
        return told_on(self.host.name, self._driver.clock.monotonic())

    def _hear(self) -> float:
        """Events that come while nobody listens are missed, as when a connection to Docker broke. The kernel's word
        of an end comes whatever the runtime does."""
        ends, self._heard_ends = self._runtime.ended(self._heard_ends)
        for end in ends:
            self._agent.ended(end)
        if ends:
            self._wake_loop()
        try:
            news, self._heard = self._runtime.happened(self._heard)
        except RuntimeFault:
            return 1.0
        ours = [event for event in news if self._owner.labels.items() <= event.labels.items()]
        for event in ours:
            self._agent.happened(event)
        if ours:
            self._wake_loop()
        due = self.host.runtime.next_event()
        return 30.0 if due is None else max(due - self._driver.clock.monotonic(), 0.0) + 0.001

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
