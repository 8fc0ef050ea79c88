"""The whole cluster of one seed: what runs, what it runs on, and one run of it, from first apply to last check."""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from types import TracebackType

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.checker import Checker
from simulator.driver import Actor, Driver, HotLoop, Process
from simulator.node import AgentProcess, Host
from simulator.plane import PlaneProcess
from simulator.settled import check_settled, check_still
from simulator.singletons import TOO_LATE, check_alone
from simulator.story import Story, Violation
from simulator.trouble import Trouble, heal_all
from simulator.users import Users
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import Metadata, NodeSpec, encode
from taskyard.store.api import Compacted, KeyEvent, Put
from taskyard.store.memory import MemoryStore

Member = PlaneProcess | AgentProcess

SETTLE = 60.0
"""Seconds after the last fault within which everything has converged: two lists of containers and a full backoff."""
QUIET = 120.0
"""Seconds after that in which nothing may be written but what crash loops need."""
_COMPACT_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    nodes: int = 3
    tasks: int = 12
    minutes: float = 3.0
    """Of users and faults, before the time to settle."""
    faults_per_minute: float = 12.0
    only_faults: frozenset[int] | None = None
    """By number; None: all. What is left out changes nothing of the rest."""
    only_requests: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    violation: str
    """Empty: none."""
    story: str
    trace: str
    minutes: float
    """That were simulated."""
    steps: int
    writes: int
    faults: int
    """How many had their turn, and so how many numbers there are."""
    requests: int


class Cluster:
    def __init__(self, seed: int, settings: Settings) -> None:
        self._seed = seed
        self._settings = settings
        self.clock = ManualClock()
        self.story = Story()
        self.driver = Driver(self.clock, self._drawn("latency"))
        self._memory = MemoryStore(self.clock)
        self._seen = self._memory.watch("", start_revision=1)
        self._delays = self._drawn("delays")
        names = [f"n{number:02d}" for number in range(1, settings.nodes + 1)]
        self.hosts_in_order = [Host(name, self.clock) for name in names]
        self.hosts = {host.name: host for host in self.hosts_in_order}
        self.checker = Checker(self.hosts)
        self._planes: dict[str, PlaneProcess] = {}
        self._agents: dict[str, AgentProcess] = {}
        self._lives = 0
        self._outside = Process("outside")
        self._buried: set[Process] = set()
        self._users: Users | None = None
        self._trouble: Trouble | None = None
        self._failure: Exception | None = None
        self.driver.crashed = self._crashed
        self.driver.after = self._check_failure

    def _drawn(self, what: str) -> Random:
        return Random(f"{self._seed}/{what}")

    def run(self, *, trace: bool = False) -> Outcome:
        violation, story = "", ""
        with _Unforeseen(self._fail), _uncollected():
            try:
                self._run()
            except Violation as found:
                violation, story = str(found), self.story.about(found.about)
            except HotLoop as found:
                violation, story = str(found), self.story.about(())
        return Outcome(
            self._seed,
            violation,
            story,
            self.story.trace() if trace else "",
            self.clock.monotonic() / 60,
            self.driver.steps,
            self._memory.list(keys.ROOT).revision,
            self._trouble.struck if self._trouble else 0,
            self._users.asked if self._users else 0,
        )

    def _run(self) -> None:
        for name in ("cp1", "cp2"):
            self._boot_plane(name)
        for host in self.hosts_in_order:
            self._watch_over(host)
            self._boot_agent(host)
        until = 60 * self._settings.minutes
        settings = self._settings
        users = Users(self._drawn, settings.tasks, self.planes, self.note, self._crashed, only=settings.only_requests)
        trouble = Trouble(self, users, self._drawn, settings.faults_per_minute, only=settings.only_faults)
        self._users, self._trouble = users, trouble
        busy = Process("outside")
        self.driver.wake(Actor(busy, "users", users.act), 2.0)
        if self._settings.faults_per_minute:
            self.driver.wake(Actor(busy, "faults", trouble.strike), 4.0)
        self.driver.wake(Actor(self._outside, "leases", self._expire), 0.0)
        self.driver.wake(Actor(self._outside, "compaction", self._compact), _COMPACT_EVERY)
        self.driver.run(until)
        busy.kill()
        heal_all(self)
        self.note("all faults have ended")
        self.driver.run(self.clock.monotonic() + SETTLE)
        check_settled(self.checker, self.hosts, self.planes())
        self.checker.writes.clear()
        self.driver.run(self.clock.monotonic() + QUIET)
        check_settled(self.checker, self.hosts, self.planes())
        restless = ("crash", "refused", "job")
        check_still(
            self.checker,
            # What runs counts, which is an older spec where the new one finds no room.
            {
                uid
                for here in self.checker.assignments.values()
                for uid, a in here.items()
                if a.spec.args[0] in restless
            },
        )

    # What runs.

    def everybody(self) -> list[Member]:
        return [*self._planes.values(), *self._agents.values()]

    def planes(self) -> list[PlaneProcess]:
        """Those that are alive and not frozen in the middle of something."""
        return [one for one in self._planes.values() if one.alive and not one.frozen]

    def leader(self) -> PlaneProcess | None:
        """Whose scheduler leads, and may go on now."""
        leads = self.checker.leaders.get("scheduler")
        return next((one for one in self.planes() if one.identity == leads), None)

    def agents(self) -> list[AgentProcess]:
        return [one for one in self._agents.values() if one.alive and not one.frozen]

    def kill(self, victim: Member) -> None:
        victim.kill()
        self._crashed(victim)

    def lose(self, victim: AgentProcess) -> None:
        """With its lease, which ends before its time, and with its singletons: whoever takes the lease from a host that
        lives has to have stopped those (docs/singletons.md). Its other containers go on."""
        self.kill(victim)
        victim.host.guard.fence()
        entry = self._memory.get(keys.node_lease(victim.host.name))
        if entry is not None and entry.lease:
            self._memory.revoke(entry.lease)
            self.wrote("lease")

    def cordon(self, host: Host, cordoned: bool) -> None:
        """An operator's doing, as the API writes it."""
        spec = NodeSpec(metadata=Metadata(name=host.name), cordoned=cordoned)
        self._memory.commit([], [Put(keys.node_spec(host.name), encode(spec))])
        self.wrote("user")

    def _crashed(self, process: Process) -> None:
        if process in self._buried:
            return  # Killed while it was frozen: that shows again when it would have gone on.
        self._buried.add(process)
        delay = self._delays.choice((0.1, 1.0, 4.0, 12.0))
        if isinstance(process, PlaneProcess):
            process.stop()
            self.later(delay, lambda: self._boot_plane(process.name))
        elif isinstance(process, AgentProcess):
            process.stop()
            self.later(delay, lambda: self._boot_agent(process.host))

    def _boot_plane(self, name: str) -> None:
        self._lives += 1
        plane = PlaneProcess(name, self._lives, self._memory, self.driver, self, self._drawn(f"{name}/{self._lives}"))
        self._planes[name] = plane
        self.note(f"{name} starts")
        plane.boot()

    def _watch_over(self, host: Host) -> None:
        """The watchdog goes on whatever becomes of the agent."""
        process = Process(f"watchdog-{host.name}")

        def act() -> float:
            if not host.guard.needed:
                return host.guard.act()
            running = {one.id for one in host.runtime.everything() if one.state is ContainerState.RUNNING}
            wait = host.guard.act()
            for one in host.runtime.everything():
                if one.id in running and one.state is not ContainerState.RUNNING:
                    self.story.tell(self.clock.monotonic(), process.name, f"has ended {one.name}")
                    self.containers_changed(host)
            return wait

        actor = Actor(process, "watchdog", act)
        host.guarding = lambda: self.driver.wake(actor, 0.0)

    def _boot_agent(self, host: Host) -> None:
        self._lives += 1
        drawn = self._drawn(f"{host.name}/{self._lives}")
        agent = AgentProcess(host, self._lives, self._memory, self.driver, self, drawn)
        self._agents[host.name] = agent
        self.note(f"{agent.name} starts")
        agent.boot()

    def containers_changed(self, host: Host) -> None:
        agent = self._agents[host.name]
        if agent.alive:
            agent.containers_changed()

    def later(self, delay: float, do: Callable[[], None]) -> None:
        def step() -> float:
            do()
            return math.inf

        self.driver.wake(Actor(self._outside, "later", step), delay)

    # The store's own life.

    def _expire(self) -> float:
        self._memory.expire()
        self.wrote("lease")
        return min(max(self._memory.next_expiry() - self.clock.monotonic(), 0.001), 1.0)

    def _compact(self) -> float:
        self._forget()
        return _COMPACT_EVERY

    def _forget(self) -> None:
        try:
            self._memory.compact(self._memory.list(keys.ROOT).revision)
        except Compacted:
            return

    def disconnect(self, *, compact: bool) -> None:
        self.wrote("lease")
        self._memory.disconnect()
        if compact:
            self._forget()

    # What is observed: simulator.effects.Observer.

    def before_write(self) -> None:
        self._memory.expire()
        self.wrote("lease")

    def wrote(self, who: str) -> None:
        batch = self._seen.poll(0.0)
        if batch is None or not batch.events:
            return
        at = self.clock.monotonic()
        for event in batch.events:
            self.story.tell(at, who, _told(event))
        try:
            self.checker.apply(batch.events, who)
        except Violation as found:
            self._fail(found)
        self._wake_watchers(batch.events)

    def _wake_watchers(self, events: tuple[KeyEvent, ...]) -> None:
        for plane in self._planes.values():
            self.driver.wake(plane.following, self.driver.latency())
            if any(event.entry is None and event.key.startswith(keys.LEADERS) for event in events):
                for actor in plane.electing:
                    self.driver.wake(actor, self.driver.latency())
        concerned = dict.fromkeys(key.node for event in events if (key := keys.parse_node(event.key)) is not None)
        for name in concerned:
            if name in self._agents:
                self.driver.wake(self._agents[name].following, self.driver.latency())

    def called(self, who: str, node: str, call: str, container: ContainerInfo | None, name: str) -> None:
        self.story.tell(self.clock.monotonic(), who, f"{call} {container.name if container else name}")
        try:
            self.checker.called(who, node, call, container, name)
        except Violation as found:
            self._fail(found)
        if call == "start" and container is not None:
            self.later(TOO_LATE, partial(self._check_alone, container))

    def woken_up(self, host: Host) -> None:
        """Its runtime has done what it was asked while it hung."""
        self.containers_changed(host)
        for one in host.runtime.everything():
            if one.state is ContainerState.RUNNING and one.id not in host.foreign:
                self.later(TOO_LATE, partial(self._check_alone, one))

    def _check_alone(self, container: ContainerInfo) -> None:
        try:
            check_alone(self.checker, self.hosts, container)
        except Violation as found:
            self._fail(found)

    def note(self, text: str) -> None:
        self.story.tell(self.clock.monotonic(), "", text, fault=True)

    # What is wrong. Noted rather than raised: the components outlive every exception.

    def _fail(self, found: Exception) -> None:
        if self._failure is None:
            self._failure = found

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _told(event: KeyEvent) -> str:
    key = event.key.removeprefix(keys.ROOT)
    if event.entry is None:
        return f"@{event.revision} deletes {key}"
    return f"@{event.revision} puts {key} {event.entry.value.decode()[:400]}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """A run makes few cycles of objects, and a story that only grows: looking for those takes a sixth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Unforeseen(logging.Handler, AbstractContextManager["_Unforeseen"]):
    """An exception that a component caught because nobody foresaw it is a violation. Silences all other logging."""

    _LOGGERS = ("taskyard", "controlplane", "nodeagent")

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        super().__init__(logging.ERROR)
        self._fail = fail
        self._before: list[tuple[bool, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            error = record.exc_info[1]
            self._fail(Violation(f"{record.name}: {record.getMessage()}: {type(error).__name__}: {error}"))

    def __enter__(self) -> _Unforeseen:
        for logger in map(logging.getLogger, self._LOGGERS):
            self._before.append((logger.propagate, logger.level))
            logger.propagate = False
            logger.setLevel(logging.ERROR)
            logger.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for logger, (propagate, level) in zip(map(logging.getLogger, self._LOGGERS), self._before, strict=True):
            logger.propagate = propagate
            logger.setLevel(level)
            logger.removeHandler(self)
