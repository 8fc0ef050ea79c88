"""A node in one thread and virtual time: the real agent over MemoryStore and FakeRuntime, and ways to break it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from nodeagent.agent import Agent, Parts
from nodeagent.anchor import Anchor, MemoryMemo
from nodeagent.assigned import assigned
from nodeagent.checks.checker import Checker
from nodeagent.checks.prober import NetworkProber
from nodeagent.devices import Device, Devices
from nodeagent.effects import Effects
from nodeagent.fake_guard import FakeGuard
from nodeagent.freshness import Freshness
from nodeagent.lanes import InlineLanes, Lane
from nodeagent.logins import Logins
from nodeagent.names import Owner
from nodeagent.preparation import Preparer
from nodeagent.publisher import Publisher, StoreWeather
from nodeagent.pulls import Pulls
from nodeagent.registration import Registration
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import ContainerInfo, ContainerSpec, ContainerState, RuntimeFault
from nodeagent.value_files import ValueFiles
from nodeagent.view import ContainerView
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import (
    Amounts,
    Assignment,
    Check,
    NodeLease,
    ObjectRef,
    TaskSpec,
    TaskStatus,
    decode,
    encode,
    spec_hash,
)
from taskyard.store.api import Commit, Compare, Delete, Operation, Put, StoreError
from taskyard.store.faulty import FaultyStore
from taskyard.store.informer import Informer
from taskyard.store.memory import MemoryStore
from taskyard.store.workqueue import WorkQueue

OWNER = Owner("test", "n1")
UID = "0123456789ab"
FOREVER = ("sleep", "1000")
INCARNATIONS = itertools.count(1)


class Crash(BaseException):
    """The agent was killed. Not an Exception: nothing in it may survive this."""


@dataclass
class Fuse:
    """Burns through at the n-th effect, before it or after it. Effects are what outlives the agent."""

    at: int = -1
    after: bool = False
    count: int = 0

    def light(self, after: bool) -> None:
        if after == self.after:
            self.count += 1
            if self.count == self.at:
                raise Crash


class FusedRuntime(FakeRuntime):
    """Slots of the base hold its state; the fuse is set from outside."""

    fuse = Fuse()
    meanwhile: list[Callable[[], object]] = []  # noqa: RUF012 - replaced, never changed
    """What happens elsewhere while the next container is being created."""
    before_start: list[Callable[[], object]] = []  # noqa: RUF012 - as above
    """The same between the agent's last check and a start."""
    before_stop: Mapping[str, list[Callable[[], object]]] = {}
    """The same before a `kill` or a `remove`."""

    def create(self, spec: ContainerSpec) -> str:
        self.fuse.light(False)
        made = super().create(spec)
        for happen in self.meanwhile:
            happen()
        self.fuse.light(True)
        return made

    def start(self, container: str) -> None:
        self.fuse.light(False)
        for happen in self.before_start:
            happen()
        super().start(container)
        self.fuse.light(True)

    def kill(self, container: str, signal: str) -> None:
        self.fuse.light(False)
        for happen in self.before_stop.get("kill", ()):
            happen()
        super().kill(container, signal)
        self.fuse.light(True)

    def remove(self, container: str, *, force: bool) -> None:
        self.fuse.light(False)
        for happen in self.before_stop.get("remove", ()):
            happen()
        super().remove(container, force=force)
        self.fuse.light(True)


class FusedStore(FaultyStore):
    fuse = Fuse()

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        self.fuse.light(False)
        done = super().commit(compares, operations)
        self.fuse.light(True)
        return done


class SlowPulls(InlineLanes):
    """A pull takes its time, while everything else happens at once; those given up take it too. What is for a lane in
    `busy` waits in `queued`."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self.busy: set[Lane] = set()
        self.queued: list[Callable[[], None]] = []
        self._clock = clock
        self._seconds = seconds
        self._going: list[tuple[float, Callable[[], None]]] = []

    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        if lane in self.busy:
            self.queued.append(work)
        elif lane is Lane.PULL and self._seconds:
            self._going.append((self._clock.monotonic() + self._seconds, work))
        else:
            work()

    @property
    def going(self) -> int:
        return len(self._going)

    def end_those_due(self) -> None:
        now = self._clock.monotonic()
        due = [work for at, work in self._going if at <= now]
        self._going = [(at, work) for at, work in self._going if at > now]
        for work in due:
            work()


class ScriptedProber(NetworkProber):
    """Ports answer as the test says; commands are the runtime's."""

    def __init__(self, runtime: FakeRuntime) -> None:
        super().__init__(runtime, runtime.clock)
        self.answers: dict[int, str] = {}
        """Why a port fails, by number; others pass."""
        self.asked = 0
        self.addresses: set[str] = set()
        """Of the containers whose ports were asked; empty is the node's own."""

    def probe(self, container: ContainerInfo, check: Check) -> str:
        self.asked += 1
        port = check.http or check.tcp
        self.addresses |= {container.address} if port else set()
        return super().probe(container, check) if port is None else self.answers.get(port.port, "")


class KeptEvents:
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.messages: list[str] = []

    def emit(self, about: ObjectRef, namespace: str, reason: str, message: str, *, warning: bool = False) -> None:
        del about, namespace, warning
        self.reasons.append(reason)
        self.messages.append(message)


@dataclass
class World:
    """`boot` makes a new agent on the same store and runtime, as after kill -9; `settle` lets it do all it can now."""

    clock: ManualClock = field(default_factory=ManualClock)
    programs: Mapping[tuple[str, ...], Program] = field(default_factory=dict)
    owner: Owner = OWNER
    pull_takes: float = 0.0
    secrets_dir: Path = Path("/nowhere")
    """Where files of Secrets and Configs are."""
    devices: tuple[Device, ...] = ()
    notices_after: float = 0.0
    """Seconds that the runtime takes to notice an end."""

    def __post_init__(self) -> None:
        self.memory = MemoryStore(self.clock)
        self.store = FusedStore(self.memory)
        self.runtime = FusedRuntime(self.clock, programs=dict(self.programs), notices_after=self.notices_after)
        self.events = KeptEvents()
        self.memo = MemoryMemo()
        self.guard = FakeGuard(self.runtime, self.clock)
        self.prober = ScriptedProber(self.runtime)
        self.boot()

    def boot(self, host_id: str = "host-1") -> None:
        incarnation = str(next(INCARNATIONS))
        store, runtime, clock = self.store, self.runtime, self.clock
        value = NodeLease(incarnation=incarnation, host_id=host_id, address="127.0.0.1:1", capacity=Amounts())
        self.registration = Registration(store, clock, self.owner.node, value, ttl=10.0, guard=self.guard)
        self.informer = Informer(store, keys.node_prefix(self.owner.node), clock)
        self.view = ContainerView(self.owner)
        self.queue: WorkQueue[str] = WorkQueue(clock)
        self.lanes = SlowPulls(clock, self.pull_takes)
        files = ValueFiles(self.secrets_dir, self.owner)
        self.freshness = Freshness(store, files, self.events, lambda: assigned(self.informer), self.queue.add)
        self.agent = Agent(
            Parts(
                owner=self.owner,
                runtime=runtime,
                informer=self.informer,
                queue=self.queue,
                view=self.view,
                effects=Effects(
                    self.owner,
                    runtime,
                    store,
                    self.view,
                    self.registration,
                    self.guard,
                    clock,
                    Preparer(self.owner, runtime, store, files=files),
                    Devices(self.devices),
                ),
                pulls=Pulls(
                    runtime,
                    self.lanes,
                    clock,
                    Logins(store),
                    limit=2,
                    ended=self.queue.add,
                    unanswered=lambda: None,
                ),
                checker=Checker(self.prober, self.lanes, clock, self.queue.add),
                publisher=Publisher(self.owner.node, store, self.registration),
                standing=self.registration,
                guard=self.guard,
                anchor=Anchor(self.owner.node, host_id, self.memo, self.registration.commit),
                weather=StoreWeather(clock),
                recorder=self.events,
                lanes=self.lanes,
                clock=clock,
                runtime_failed=lambda: None,
                outdated=self.freshness.outdated,
            )
        )
        self.informer.subscribe(self.agent.changed)
        self.informer.subscribe(self.registration.changed)
        self.seen_until = 0.0
        self.ends_seen = len(self.runtime.containers.ends)

    def settle(self, rounds: int = 30) -> None:
        """Everything that can happen at this moment; AssertionError when it never gets quiet: a hot loop."""
        self.guard.act()
        self.registration.step()
        self._look_around()
        self.lanes.end_those_due()
        for _ in range(rounds):
            busy = self._pump()
            self._hear()
            steps = 0
            while self.agent.reconcile(0):
                busy = True
                steps += 1
                assert steps < 1000, "a hot loop"
            if not busy:
                return
        raise AssertionError("it does not get quiet")

    def advance(self, seconds: float) -> None:
        """Passes time, stopping wherever something is due, at least once a second."""
        end = self.clock.monotonic() + seconds
        self.settle()
        while self.clock.monotonic() < end - 1e-9:
            due = self.queue.next_due() or math.inf
            now = self.clock.monotonic()
            self.clock.advance(max(min(due - now, 1.0, end - now), 1e-6))
            self.settle()

    def _pump(self) -> bool:
        busy = False
        try:
            for _ in range(20):
                if not self.informer.pump(0):
                    break
                busy = True
        except StoreError:
            return False
        return busy

    def _look_around(self) -> None:
        try:
            self.agent.look_around()
        except RuntimeFault:
            return

    def _hear(self) -> None:
        ends, self.ends_seen = self.runtime.ended(self.ends_seen)
        for end in ends:
            self.agent.ended(end)
        try:
            for event in self.runtime.events(self.owner.labels, self.seen_until):
                if event.at > self.seen_until:
                    self.seen_until = event.at
                    self.agent.happened(event)
        except RuntimeFault:
            return

    def assign(self, epoch: int = 1, *, uid: str = UID, desired: str = "Running", grace: float | None = None,
               result_of: str = "", labels: dict[str, str] | None = None, **spec: Any) -> Assignment:  # fmt: skip
        task = msgspec.convert({"image": "busybox:1.35", "args": FOREVER} | spec, TaskSpec)
        backoff = msgspec.structs.replace(task.restart.backoff, jitter=0.0)  # Tests count on the seconds.
        task = msgspec.structs.replace(task, restart=msgspec.structs.replace(task.restart, backoff=backoff))
        made = Assignment(
            uid=uid,
            namespace="default",
            name="web",
            epoch=epoch,
            desired="Stopped" if desired == "Stopped" else "Running",
            grace_period=grace,
            spec_hash=spec_hash(task),
            spec=task,
            result_of=result_of,
            labels=labels or {},
        )
        self.memory.commit([], [Put(keys.assignment(self.owner.node, uid), encode(made))])
        return made

    def unassign(self, uid: str = UID) -> None:
        """As the task controller does it: assignment and status go together."""
        node = self.owner.node
        self.memory.commit([], [Delete(keys.assignment(node, uid)), Delete(keys.status(node, uid))])

    def status(self, uid: str = UID) -> TaskStatus:
        entry = self.memory.get(keys.status(self.owner.node, uid))
        assert entry is not None
        return decode(entry.value, TaskStatus)

    def status_writes(self, uid: str = UID) -> int:
        entry = self.memory.get(keys.status(self.owner.node, uid))
        return entry.version if entry else 0

    def containers(self) -> list[ContainerInfo]:
        found = [self.runtime.inspect(one.id) for one in self.runtime.list({})]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def running(self) -> list[str]:
        return [one.name for one in self.containers() if one.state is ContainerState.RUNNING]
