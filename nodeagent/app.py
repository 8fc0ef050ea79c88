"""The composition root: puts the agent together from its options, runs its threads, and takes it down again.

The only place that starts threads. Each has one duty and outlives every failure of it; the lease has its own, so that
nothing that hangs can cost the node its name.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nodeagent import host
from nodeagent.agent import Agent, Parts
from nodeagent.allowance import NOTHING_MORE, Allowance
from nodeagent.anchor import Anchor, FileMemo
from nodeagent.api.consoles import Attach, Exec, Port
from nodeagent.api.door import Door
from nodeagent.api.drain import Drain
from nodeagent.api.files import Files
from nodeagent.api.health import Health
from nodeagent.api.inspect import Inspect
from nodeagent.api.logs import Logs
from nodeagent.api.server import Server, bind, create_app
from nodeagent.api.stats import Stats
from nodeagent.assigned import assigned, ended
from nodeagent.checks.checker import Checker
from nodeagent.checks.prober import NetworkProber
from nodeagent.conditions import Conditions
from nodeagent.devices import Device, Devices, counts
from nodeagent.draining import to_leave
from nodeagent.duties import (
    EndFollower,
    EventFollower,
    be_found,
    keep_fresh,
    keep_house,
    keep_looking,
    keep_measuring,
    keep_reconciling,
    keep_time,
)
from nodeagent.effects import Effects
from nodeagent.emptying import Emptying, Stops
from nodeagent.freshness import Freshness
from nodeagent.guard import WatchdogGuard
from nodeagent.host_paths import ENGINE_SOCKETS
from nodeagent.housekeeping import Housekeeping, assigned_images, kept_ended
from nodeagent.images import FetchedImages
from nodeagent.joining import announce
from nodeagent.lanes import ThreadLanes
from nodeagent.leader_time import LeaderTime
from nodeagent.logins import Logins
from nodeagent.metrics import Scraper, fetch
from nodeagent.names import Owner
from nodeagent.preparation import Preparer
from nodeagent.publisher import Publisher, StoreWeather
from nodeagent.pulls import Pulls
from nodeagent.readiness import Readiness
from nodeagent.registration import Registration
from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.docker_console import DockerConsole
from nodeagent.runtime.docker_engine import Engine
from nodeagent.runtime.port import Runtime
from nodeagent.runtime.recording import RecordingRuntime
from nodeagent.runtime.remembering import RememberingRuntime
from nodeagent.stats.collector import StatsCollector
from nodeagent.stats.disk import DiskUse
from nodeagent.stats.history import StatsHistory
from nodeagent.value_files import ValueFiles
from nodeagent.view import ContainerView
from taskyard import __version__, keys, local_agent
from taskyard.clock import SystemClock, timestamp
from taskyard.events import EventRecorder
from taskyard.local_agent import LocalAgent
from taskyard.objects import NodeCondition, NodeLease
from taskyard.store.api import Store, StoreError
from taskyard.store.etcd import EtcdStore
from taskyard.store.informer import Informer
from taskyard.store.workqueue import WorkQueue

log = logging.getLogger(__name__)

_JOIN = 2.0
"""Seconds that a thread gets to end; one that hangs in a call to Docker is left behind."""


@dataclass(frozen=True, slots=True)
class Options:
    """`listen` and `advertise` are host:port; `advertise` empty: what was listened on."""

    node: str
    cluster: str
    etcd: tuple[str, ...]
    docker_host: str
    data_dir: Path
    listen: str
    advertise: str
    labels: dict[str, str] = field(default_factory=dict)
    resources: dict[str, int] = field(default_factory=dict)
    """What it offers beside cpu, memory and disk: name → how many."""
    lease_ttl: float = 10.0
    failpoints: str = ""
    """docs/failpoints.md"""
    max_pulls: int = 3
    drain_timeout: float = 600.0
    """Seconds that a drain before the end may take."""
    keep_ended: float = 86_400.0
    """Seconds that the containers of a task that is over are kept, for their logs; less under disk pressure."""
    max_clock_skew: float = 5.0
    """Seconds that this machine's time of day may be off, against the leading control plane's; 0: any."""
    allowance: Allowance = NOTHING_MORE
    devices: tuple[Device, ...] = ()
    secrets_dir: Path = Path("/dev/shm/taskyard")
    """In memory: files of Secrets and Configs."""


class CannotRun(Exception):
    """The message says why, and what to do."""


def run(options: Options, stops: Stops) -> None:
    """Until `stops.end` is set. Raises CannotRun, FolderTaken, OSError. Containers go on in any case."""
    with host.lock_folder(options.data_dir):
        bound = bind(options.listen)
        try:
            _Process(options, bound, stops).run()
        finally:
            bound.close()


class _Process:
    def __init__(self, options: Options, bound: socket.socket, stops: Stops) -> None:
        clock, owner = SystemClock(), Owner(options.cluster, options.node)
        self._options = options
        self._stops = stops
        self._emptying = Emptying(options.node, stops, clock, options.drain_timeout)
        self._clock = clock
        self._store: Store = EtcdStore(options.etcd)
        images = FetchedImages(options.data_dir)
        recording = RecordingRuntime(
            DockerRuntime(options.docker_host), lambda image: images.fetched(image, clock.now())
        )
        self._runtime: Runtime = RememberingRuntime(recording, clock)
        if options.failpoints:
            self._store, self._runtime = _with_failpoints(options.failpoints, self._store, self._runtime)
        token = secrets.token_hex(16)
        self._announced = LocalAgent(node=options.node, address=_address(bound), token=token)
        self._guard = WatchdogGuard(options.data_dir)
        value = _lease_value(options, bound, token, clock.now())
        self._host_id = value.host_id
        self._registration = Registration(
            self._store, clock, options.node, value, ttl=options.lease_ttl, guard=self._guard
        )
        self._recorder = EventRecorder(self._store, clock, f"agent/{options.node}")
        self._conditions = Conditions(
            options.node, clock, self._recorder, self._registration.describe_conditions, value.conditions
        )
        self._readiness = Readiness(self._runtime, self._conditions.note, self._registration.describe_runtime)
        self._leader_time = LeaderTime(self._store, clock)
        self._probe_now = threading.Event()
        self._informer = Informer(self._store, keys.node_prefix(options.node), clock)
        self._queue: WorkQueue[str] = WorkQueue(clock)
        self._view = ContainerView(owner)
        self._lanes = ThreadLanes(options.max_pulls)
        self._collector = StatsCollector(clock, options.data_dir, DiskUse(clock, self._runtime.folders))
        self._history = StatsHistory()
        self._scraper = Scraper(partial(fetch, clock), self._lanes, clock)
        self._housekeeping = Housekeeping(
            runtime=self._runtime,
            view=self._view,
            images=images,
            clock=clock,
            stocks=host.stocks,
            folder=options.data_dir,
            note=self._conditions.note,
            wanted=lambda: assigned_images(self._informer),
            look_again=self._queue.add,
        )
        files = ValueFiles(options.secrets_dir, owner)
        self._freshness = Freshness(
            self._store, files, self._recorder, lambda: assigned(self._informer), self._queue.add
        )
        self._agent = Agent(
            Parts(
                owner=owner,
                runtime=self._runtime,
                informer=self._informer,
                queue=self._queue,
                view=self._view,
                effects=Effects(
                    owner,
                    self._runtime,
                    self._store,
                    self._view,
                    self._registration,
                    self._guard,
                    clock,
                    Preparer(owner, self._runtime, self._store, options.allowance, _never_mounted(options), files),
                    Devices(options.devices),
                ),
                pulls=Pulls(
                    self._runtime,
                    self._lanes,
                    clock,
                    Logins(self._store),
                    limit=options.max_pulls,
                    ended=self._queue.add,
                    unanswered=self._probe_now.set,
                ),
                checker=Checker(NetworkProber(self._runtime, clock), self._lanes, clock, self._queue.add),
                publisher=Publisher(options.node, self._store, self._registration),
                standing=self._registration,
                guard=self._guard,
                anchor=Anchor(options.node, value.host_id, FileMemo(options.data_dir), self._registration.commit),
                weather=StoreWeather(clock),
                recorder=self._recorder,
                lanes=self._lanes,
                clock=clock,
                runtime_failed=self._probe_now.set,
                outdated=self._freshness.outdated,
                keep_ended=lambda: kept_ended(options.keep_ended, disk_pressed=self._housekeeping.disk_pressed),
            )
        )
        self._follower = EventFollower(self._agent, self._runtime, owner, clock)
        self._ends = EndFollower(self._agent, self._runtime)
        self._informer.subscribe(self._agent.changed)
        self._informer.subscribe(self._registration.changed)
        console = DockerConsole(Engine(options.docker_host))
        door = Door(lambda uid: self._view.of(uid)[0], token)
        routes = {
            "/logs/{uid}": Logs(console, door, clock),
            "/exec/{uid}": Exec(console, door),
            "/attach/{uid}": Attach(console, door),
            "/port/{uid}": Port(console, door),
            "/files/{uid}": Files(console, door),
            "/inspect/{uid}": Inspect(console, door),
            "/drain": Drain(self._emptying, door, clock),
            "/stats": (stats := Stats(self._history, door)),
            "/stats/{uid}": stats,
            "/healthz": Health(self._registration.certain, lambda: self._readiness.ready),
        }
        self._server = Server(create_app(routes), bound)

    def run(self) -> None:
        ending = threading.Event()
        self._guard.find()
        threads = self._threads(ending)
        self._server.start()
        for thread in threads:
            thread.start()
        log.info("node %s is up, its API on %s", self._options.node, self._options.listen)
        try:
            self._wait(self._stops.end)
            if self._stops.drain.is_set():
                self._registration.drain()
                self._emptying.run(self._to_leave)
        finally:
            running = sum(one.running for one in self._view.all())
            log.info("this agent ends; %d containers of its node run on, and the next one takes them over", running)
            ending.set()
            self._probe_now.set()
            self._follower.close()
            self._ends.close()
            self._registration.wake()
            self._queue.shut_down()
            self._lanes.shut_down()
            self._server.stop()
            for thread in threads:
                thread.join(_JOIN)
            self._registration.leave()
            self._guard.close()
            self._recorder.flush(all_counts=True)
            self._store.close()

    def _wait(self, stop: threading.Event) -> None:
        """Until `stop`; CannotRun when another host keeps the name for longer than a dead agent's lease lasts."""
        registered = False
        patience = 2 * self._options.lease_ttl
        while not stop.wait(0.5 if not registered else None):
            if not registered and self._registration.certain():
                registered = True
                self._tell_of_joining()
            held = self._registration.held_by
            patience = patience - 0.5 if held else 2 * self._options.lease_ttl
            if not registered and patience <= 0:
                raise CannotRun(
                    f"another host ({held}) runs as node {self._options.node}: "
                    "start this agent with another --node, or stop that one"
                )

    def _tell_of_joining(self) -> None:
        try:
            announce(self._store, self._options.node, self._host_id, self._recorder)
        except StoreError as error:
            log.info("whether the node is new cannot be told: %s", error)

    def _to_leave(self) -> dict[str, str]:
        found = assigned(self._informer)
        running = {one.run.uid for one in self._view.all() if one.running}
        return to_leave(found, running, ended(self._informer))

    def _threads(self, ending: threading.Event) -> list[threading.Thread]:
        node, folder = self._options.node, self._options.data_dir
        duties: dict[str, Callable[[], None]] = {
            "lease": lambda: self._registration.run(ending),
            "informer": lambda: self._informer.run(ending),
            "loop": lambda: keep_reconciling(self._agent, ending),
            "events": lambda: self._follower.run(ending),
            "ends": lambda: self._ends.run(ending),
            "look": lambda: keep_looking(self._agent, self._readiness, self._clock, self._probe_now, ending),
            "announcement": lambda: be_found(lambda: local_agent.announce(folder, self._announced), ending),
            "housekeeping": lambda: keep_house(self._housekeeping, ending),
            "clock": lambda: keep_time(self._leader_time, self._conditions, self._options.max_clock_skew, ending),
            "freshness": lambda: keep_fresh(self._freshness, ending),
            "stats": lambda: keep_measuring(
                self._collector,
                self._history,
                self._view,
                self._scraper,
                lambda: assigned(self._informer),
                self._registration,
                node,
                ending,
            ),
            "recorder": lambda: self._recorder.run(ending),
        }
        return [threading.Thread(target=duty, name=f"agent-{name}", daemon=True) for name, duty in duties.items()]


def _with_failpoints(text: str, store: Store, runtime: Runtime) -> tuple[Store, Runtime]:
    # Imported only here: without failpoints nothing of them is in the process.
    from nodeagent.runtime.pointed import RUNTIME_EFFECTS, PointedRuntime
    from taskyard.failpoints import BadFailpoints, Failpoints, names, parse
    from taskyard.store.pointed import AGENT_EFFECTS, PointedStore

    try:
        points = Failpoints(parse(text, names([*AGENT_EFFECTS, *RUNTIME_EFFECTS])))
    except BadFailpoints as error:
        raise CannotRun(str(error)) from error
    return PointedStore(store, points, AGENT_EFFECTS), PointedRuntime(runtime, points)


def _never_mounted(options: Options) -> tuple[str, ...]:
    own = options.docker_host.removeprefix("unix://") if options.docker_host.startswith("unix://") else ""
    return (*ENGINE_SOCKETS, str(options.data_dir), str(options.secrets_dir), *([own] if own else []))


def _address(bound: socket.socket) -> str:
    name, port = bound.getsockname()[:2]
    return f"{name}:{port}"


def _lease_value(options: Options, bound: socket.socket, token: str, now: float) -> NodeLease:
    address = options.advertise or _address(bound)
    return NodeLease(
        incarnation=secrets.token_hex(8),
        host_id=host.host_id(options.data_dir),
        address=address if ":" in address else f"{address}:{bound.getsockname()[1]}",
        token=token,
        capacity=host.capacity(options.data_dir, options.resources | counts(options.devices)),
        labels=host.labels() | options.labels,
        version=__version__,
        registered_at=timestamp(now),
        ttl=options.lease_ttl,
        conditions=[NodeCondition(type="RuntimeDown", since=timestamp(now), message="it was not asked yet")],
    )
