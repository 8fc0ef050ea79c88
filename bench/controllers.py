"""Many services on hollow nodes: what a change to all of them writes and costs, and whether one more makes it slower.

Everything in one process and one thread: the real loops on a store in memory and virtual time, with agents that report
at once that a task runs. `writes` are those of tasks by the service controller, beside the number of tasks, which is
the least. The controller's seconds are of processor time, for one change of one task, with few services and with many.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.report import Figure, Goal, Report
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Metadata,
    Resources,
    Service,
    ServiceSpec,
    Task,
    TaskSpec,
    TaskState,
    TaskStatus,
    TaskTemplate,
    Update,
    decode,
    encode,
)
from taskyard.store.api import MAX_OPERATIONS, KeyEvent, Put
from tests.support.plane import GI, Plane

FEW, MANY, EACH, NODES = 100, 1000, 10, 100


def run(repeats: int) -> Report:
    few, many = _changes(FEW, repeats), _changes(MANY, repeats)
    ratios = [each.writes / (MANY * EACH) for each in many]
    slower = [one / other for one, other in zip(_costs(many), _costs(few), strict=True)]
    return Report(
        "controllers",
        [
            Figure(f"task writes / tasks, {MANY} services with {EACH} tasks", "ratio", ratios),
            Figure(f"controller, {FEW} services", "µs per task changed", _costs(few)),
            Figure(f"controller, {MANY} services", "µs per task changed", _costs(many)),
            Figure("many / few, by repeat", "ratio", slower),
        ],
        [
            Goal("writes beside the minimum", Figure("", "", ratios).median, 1.2, "at most"),
            Goal("cost of a change beside that with few services", Figure("", "", slower).median, 2.0, "at most"),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """`writes` of tasks by the controller; its processor time for each task, in µs."""

    writes: int
    cost: float


def _costs(measured: list[_Measured]) -> list[float]:
    return [each.cost for each in measured]


class _World:
    def __init__(self, services: int) -> None:
        self.plane = Plane()
        self.plane.lead()
        for number in range(NODES):
            self.plane.add_node(f"n{number}", cpu=1_000_000, memory=1000 * GI)
        self.services = services
        self.seconds = 0.0
        """Of the service controller."""
        self.task_writes = 0
        self._seen = self.plane.store.watch(keys.TASKS, start_revision=1)
        self._statuses: list[Put] = []

    def declare(self, version: str) -> None:
        made = [self._service(number, version) for number in range(self.services)]
        self._put([Put(keys.object_key(ObjectKey("Service", "default", s.metadata.name)), encode(s)) for s in made])
        self._converge()

    def _service(self, number: int, version: str) -> Service:
        spec = TaskSpec(image="busybox:1.35", env={"VERSION": version}, resources=Resources(cpu="10m"))
        return Service(
            metadata=Metadata(name=f"s{number}", uid=f"{number:012x}", generation=1),
            spec=ServiceSpec(replicas=EACH, template=TaskTemplate(spec=spec), update=Update(parallelism=2)),
        )

    def _converge(self) -> None:
        plane, quiet = self.plane, 0
        while quiet < 2:
            plane.elector.step()
            plane.pump()
            with self._timed():
                busy = plane.services.step()
            plane.pump()
            busy = plane.scheduler.step() or busy
            plane.pump()
            busy = self._answer() or busy
            quiet = 0 if busy else quiet + 1
            plane.clock.advance(0.05)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds += time.process_time() - began

    def _answer(self) -> bool:
        """The hollow agents: whatever is bound runs."""
        batch = self._seen.poll(0.0)
        if batch is None:
            return False
        puts = [put for event in batch.events if (put := self._status(event)) is not None]
        self._put(puts)
        return bool(puts)

    def _status(self, event: KeyEvent) -> Put | None:
        if event.entry is None:
            return None
        task = decode(event.entry.value, Task)
        binding, uid = task.binding, task.metadata.uid
        known = self.plane.cache.statuses_of(uid)
        if binding is None or any(r.status.epoch >= binding.epoch for r in known.values()):
            self.task_writes += 1
            return None
        name, state = task.metadata.name, TaskState.RUNNING
        status = TaskStatus(uid=uid, namespace="default", name=name, epoch=binding.epoch, state=state)
        return Put(keys.status(binding.node, uid), encode(status))

    def _put(self, puts: list[Put]) -> None:
        for start in range(0, len(puts), MAX_OPERATIONS):
            self.plane.store.commit([], puts[start : start + MAX_OPERATIONS])


def _changes(services: int, repeats: int) -> list[_Measured]:
    """One change of all services after the other."""
    world, found = _World(services), []
    world.declare("0")
    for version in map(str, range(1, repeats + 1)):
        world.seconds, world.task_writes = 0.0, 0
        world.declare(version)
        wrong = [r for r in world.plane.cache.tasks.values() if r.task.spec.env["VERSION"] != version]
        if wrong or len(world.plane.cache.tasks) != services * EACH:
            raise RuntimeError(f"{len(wrong)} of {len(world.plane.cache.tasks)} tasks have another version")
        found.append(_Measured(world.task_writes, world.seconds / (services * EACH) * 1e6))
    return found
