"""Clusters of any size in a real etcd, without machines: nodes' leases as their agents write them, and waiting tasks.

What a node would run is not here: these benchmarks measure what decides. etcd's files are in a temporary folder, synced
to disk as in production.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from controlplane.admission.writer import random_uid
from controlplane.cluster import ClusterCache
from controlplane.leading import Means
from controlplane.nodeloss import NodeLosses
from controlplane.scheduler import Scheduler
from taskyard import collector, keys
from taskyard.clock import SystemClock
from taskyard.events import EventRecorder
from taskyard.objects import Amounts, Metadata, NodeLease, Resources, Restart, Task, TaskSpec, encode
from taskyard.objects.normal import normalize
from taskyard.store.api import MAX_OPERATIONS, Put, Store
from taskyard.store.elector import Elector
from taskyard.store.etcd import EtcdStore
from taskyard.store.informer import Informer
from tests.support.etcd_server import EtcdServer

_SHAPES = (("50m", "64Mi"), ("100m", "128Mi"), ("100m", "256Mi"), ("200m", "128Mi"), ("250m", "256Mi"))
MOMENT = "2026-01-01T00:00:00.000Z"
"""When everything here is said to have happened."""
_LEASE = 3600.0
"""Seconds: one lease for all nodes, since nobody here renews them."""


@contextmanager
def etcd() -> Iterator[EtcdServer]:
    with (
        tempfile.TemporaryDirectory(prefix="ty-bench-") as folder,
        EtcdServer(Path(folder), flags=["--quota-backend-bytes", str(4 * 2**30)]) as server,
    ):
        yield server


@contextmanager
def connected(server: EtcdServer) -> Iterator[EtcdStore]:
    store = EtcdStore([server.endpoint], timeout=30.0)
    try:
        yield store
    finally:
        store.close()


def node_names(count: int) -> list[str]:
    return [f"node-{number:05d}" for number in range(count)]


def put_nodes(store: Store, count: int) -> None:
    lease = store.grant(_LEASE)
    put_all(store, (Put(keys.node_lease(name), encode(_registration(name)), lease) for name in node_names(count)))


def put_tasks(store: Store, count: int) -> None:
    put_all(store, (put_of(waiting_task(number)) for number in range(count)))


def put_of(task: Task) -> Put:
    return Put(keys.task(task.metadata.namespace, task.metadata.name), encode(task))


def put_all(store: Store, puts: Iterable[Put]) -> None:
    waiting = iter(puts)
    while chunk := list(islice(waiting, MAX_OPERATIONS)):
        store.commit([], chunk)


def waiting_task(number: int) -> Task:
    """As admission writes it. One of a hundred services, in five sizes."""
    service = number % 100
    cpu, memory = _SHAPES[service % len(_SHAPES)]
    return Task(
        metadata=Metadata(
            name=f"service-{service:02d}-{number:06d}",
            labels={"app": f"service-{service:02d}", "tier": "web" if service % 2 else "back"},
            uid=f"{number:012x}",
            generation=1,
            created_at=MOMENT,
        ),
        spec=normalize(
            TaskSpec(
                image="busybox:1.35",
                args=["serve", "--port", "8080"],
                env={"SERVICE": f"service-{service:02d}", "LOG_LEVEL": "info"},
                resources=Resources(cpu=cpu, memory=memory),
                restart=Restart(policy="on-failure"),
            )
        ),
    )


def _registration(name: str) -> NodeLease:
    return NodeLease(
        incarnation="1",
        host_id=name,
        address=f"{name}:7070",
        token="0123456789abcdef",
        capacity=Amounts(cpu_millis=64_000, memory_bytes=256 * 2**30, disk_bytes=2**40),
        labels={
            "taskyard/hostname": name,
            "taskyard/os": "linux",
            "taskyard/arch": "amd64",
            "zone": f"z{hash_of(name) % 3}",
        },
        runtime="docker 20.10.24",
        version="1.0",
        registered_at=MOMENT,
    )


def hash_of(name: str) -> int:
    """The same on every machine."""
    return sum(name.encode())


class Deciding:
    """The scheduler with its informer and its events, on threads as in a control plane; leads from `lead` on."""

    def __init__(self, endpoint: str) -> None:
        self.store = EtcdStore([endpoint], timeout=30.0)
        clock = SystemClock()
        self.informer = Informer(self.store, keys.ROOT, clock, loading=collector.spared)
        self.cache = ClusterCache(self.informer)
        self._recorder = EventRecorder(self.store, clock, "scheduler")
        self._elector = Elector(self.store, clock, "scheduler", "bench", ttl=300.0)
        losses = NodeLosses(self.cache, clock)
        means = Means(self.store, self.cache, clock, self._elector.fence, self._recorder, losses, random_uid)
        self.scheduler = Scheduler(means)
        self._stop = threading.Event()
        duties = (self.informer.run, self.scheduler.run, self._recorder.run)
        self._threads = [threading.Thread(target=duty, args=(self._stop,), daemon=True) for duty in duties]

    def __enter__(self) -> Deciding:
        collector.rarely()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.scheduler.queue.shut_down()
        for thread in self._threads:
            thread.join(30)
        self.store.close()

    def lead(self) -> None:
        """Returns once the scheduler has noticed, and is at work."""
        self._elector.step()
        wait_until(lambda: self.scheduler.leading, 120, "the scheduler does not lead")

    def resign(self) -> None:
        self._elector.resign()

    def wait_synced(self, timeout: float = 120) -> None:
        wait_until(lambda: self.informer.synced, timeout, "the cache is not filled")

    def wait_bound(self, count: int, timeout: float = 300) -> None:
        wait_until(lambda: self.scheduler.metrics.bound >= count, timeout, f"not {count} bindings")


def wait_until(true: Callable[[], bool], timeout: float, otherwise: str) -> None:
    """Looks every millisecond, which costs the measured process next to nothing. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} after {timeout:.0f} s")
        time.sleep(0.001)
