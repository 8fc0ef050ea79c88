"""A control plane's insides on a store in memory and virtual time: what the tests of its loops stand on.

Everything real: store, informer, cache, elector, event recorder. Single-threaded: nothing happens unless it is stepped.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

from controlplane.cluster import ClusterCache
from controlplane.crons import CronController
from controlplane.evictions import EvictionController
from controlplane.garbage import GarbageCollector, Keep
from controlplane.intake import Intake
from controlplane.jobs import JobController
from controlplane.leading import LeaderLoop, Means
from controlplane.maintenance import MaintenanceController
from controlplane.nodeloss import NodeLosses
from controlplane.ownership import OwnershipController
from controlplane.relocation import RelocationController
from controlplane.returning import ReturnController
from controlplane.scheduler import Scheduler
from controlplane.services import ServiceController
from controlplane.tasks import TaskController
from controlplane.volumes import VolumeController
from taskyard import keys
from taskyard.clock import ManualClock, timestamp
from taskyard.events import EventRecorder
from taskyard.objects import (
    Amounts,
    Assignment,
    Event,
    Metadata,
    NodeLease,
    NodeSpec,
    Port,
    Resources,
    Task,
    TaskSpec,
    TaskState,
    TaskStatus,
    Wire,
    decode,
    encode,
)
from taskyard.store.api import Delete, Put, Store
from taskyard.store.elector import Elector
from taskyard.store.informer import Informer
from taskyard.store.memory import MemoryStore

MI = 2**20
GI = 2**30


def a_spec(
    *,
    cpu: str | None = None,
    memory: str | None = None,
    disk: str | None = None,
    host_ports: tuple[int, ...] = (),
    selector: dict[str, str] | None = None,
    priority: int = 0,
    image: str = "busybox:1.35",
) -> TaskSpec:
    return TaskSpec(
        image=image,
        resources=Resources(cpu=cpu, memory=memory, disk=disk),
        ports=[Port(container=port, host=port) for port in host_ports],
        node_selector=selector or {},
        priority=priority,
    )


def a_task(name: str, uid: str, spec: TaskSpec | None = None, *, created: float = 0.0, deleted: bool = False) -> Task:
    metadata = Metadata(
        name=name,
        uid=uid,
        generation=1,
        created_at=timestamp(1_700_000_000.0 + created),
        deletion_timestamp=timestamp(1_700_000_000.0) if deleted else "",
    )
    return Task(metadata=metadata, spec=spec or a_spec())


def a_uid(number: int) -> str:
    return f"{number:012x}"


class Plane:
    """One process of a control plane; `store` may be shared with another or be one that fails."""

    def __init__(self, *, clock: ManualClock | None = None, store: Store | None = None, identity: str = "cp1") -> None:
        self.clock = clock or ManualClock()
        self.pumping = threading.RLock()
        """Only one at a time pumps the informer, whoever it is."""
        self.store: Store = store or MemoryStore(self.clock)
        self.informer = Informer(self.store, keys.ROOT, self.clock)
        self.cache = ClusterCache(self.informer)
        self.elector = Elector(self.store, self.clock, "controlplane", identity)
        self.events = EventRecorder(self.store, self.clock, "controlplane")
        uids = count(0xABC000000000)
        self.losses = NodeLosses(self.cache, self.clock)
        self.means = Means(
            store=self.store,
            cache=self.cache,
            clock=self.clock,
            fence=self.elector.fence,
            events=self.events,
            losses=self.losses,
            new_uid=lambda: f"{next(uids):012x}",
        )
        self.scheduler = Scheduler(self.means)
        self.tasks = TaskController(self.means)
        self.services = ServiceController(self.means)
        self.jobs = JobController(self.means)
        self.crons = CronController(self.means)
        self.ownership = OwnershipController(self.means)
        self.relocation = RelocationController(self.means)
        self.returning = ReturnController(self.means)
        self.evictions = EvictionController(self.means)
        self.garbage = GarbageCollector(self.means, Keep(3600.0, 3))
        self.maintenance = MaintenanceController(self.means)
        self.volumes = VolumeController(self.means)
        self.intake = Intake(self.means)

    def lead(self) -> None:
        self.elector.step()
        assert self.elector.leadership is not None
        self.pump()

    def pump(self) -> None:
        with self.pumping:
            while self.informer.pump(0):
                pass

    def settle(self, *loops: LeaderLoop[Any], rounds: int = 50) -> None:
        """Pump and step until nothing happens any more at this moment."""
        for _ in range(rounds):
            self.pump()
            busy = [loop.step() for loop in loops]
            if not any(busy):
                return
        raise AssertionError(f"still busy after {rounds} rounds")

    def live(self, seconds: float) -> None:
        """Time passes, and the scheduler and the task controller do what comes up."""
        until = self.clock.monotonic() + seconds
        self.elector.step()
        self.settle(self.scheduler, self.tasks)
        while self.clock.monotonic() < until:
            self.clock.advance(min(0.25, until - self.clock.monotonic()))
            self.elector.step()
            self.settle(self.scheduler, self.tasks)

    def put(self, key: str, value: Wire | bytes) -> None:
        self.store.commit([], [Put(key, encode(value) if isinstance(value, Wire) else value)])

    def delete(self, *gone: str) -> None:
        self.store.commit([], [Delete(key) for key in gone])

    def add_node(self, name: str, *, cpu: int = 4000, memory: int = 4 * GI, disk: int = 100 * GI) -> None:
        capacity = Amounts(cpu_millis=cpu, memory_bytes=memory, disk_bytes=disk)
        value = NodeLease(incarnation="i1", host_id=name, address="127.0.0.1:1", capacity=capacity)
        self.put(keys.node_lease(name), value)

    def set_node(self, spec: NodeSpec) -> None:
        self.put(keys.node_spec(spec.metadata.name), spec)

    def add_task(self, task: Task) -> None:
        self.put(keys.task(task.metadata.namespace, task.metadata.name), task)

    def task(self, name: str) -> Task:
        entry = self.store.get(keys.task("default", name))
        assert entry is not None, f"task {name} is gone"
        return decode(entry.value, Task)

    def node_of(self, name: str) -> str:
        binding = self.task(name).binding
        return binding.node if binding else ""

    def assignment(self, node: str, uid: str) -> Assignment | None:
        entry = self.store.get(keys.assignment(node, uid))
        return decode(entry.value, Assignment) if entry else None

    def report(self, name: str, state: TaskState) -> None:
        """What the agent says of the task as it is bound now."""
        task = self.task(name)
        assert task.binding is not None
        uid, node = task.metadata.uid, task.binding.node
        status = TaskStatus(
            uid=uid,
            namespace="default",
            name=name,
            epoch=task.binding.epoch,
            state=state,
            started_at="" if state is TaskState.STARTING else timestamp(self.clock.now()),
        )
        self.put(keys.status(node, uid), status)

    def told(self, reason: str) -> list[Event]:
        """The events with this reason, in the order of their keys."""
        self.events.flush()
        found = [decode(entry.value, Event) for entry in self.store.list(keys.EVENTS).entries]
        return [event for event in found if event.reason == reason]
