"""What a change of a task costs does not grow with the number of services: by the calls made, not by the time taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Service, ServiceSpec, TaskSpec, TaskState, TaskTemplate, Update
from tests.support.plane import GI, Plane, a_uid

EACH = 3


class Calls:
    """Of functions, Python's and C's, while it counts."""

    def __init__(self) -> None:
        self.made = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        before = sys.getprofile()
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _note(self, _frame: FrameType, event: str, _argument: object) -> None:
        self.made += event in ("call", "c_call")


def declare(plane: Plane, services: int, image: str) -> None:
    for number in range(services):
        spec = ServiceSpec(
            replicas=EACH, template=TaskTemplate(spec=TaskSpec(image=image)), update=Update(parallelism=2)
        )
        service = Service(metadata=Metadata(name=f"s{number}", uid=a_uid(number), generation=1), spec=spec)
        plane.put(keys.object_key(ObjectKey("Service", "default", service.metadata.name)), service)


def converge(plane: Plane, image: str, calls: Calls) -> None:
    """Agents say at once that what is bound runs."""
    told: dict[str, int] = {}
    quiet = 0
    while quiet < 2:
        plane.elector.step()
        plane.pump()
        with calls.counting():
            busy = plane.services.step()
        plane.pump()
        busy = plane.scheduler.step() or busy
        plane.pump()
        for record in list(plane.cache.tasks.values()):
            binding = record.task.binding
            if binding is not None and told.get(record.uid, 0) < binding.epoch:
                told[record.uid], busy = binding.epoch, True
                plane.report(record.key.name, TaskState.RUNNING)
        quiet = 0 if busy else quiet + 1
        plane.clock.advance(0.05)
    assert {record.task.spec.image for record in plane.cache.tasks.values()} == {image}


def calls_for_a_task(services: int) -> float:
    plane = Plane()
    plane.lead()
    for number in range(4):
        plane.add_node(f"n{number}", cpu=1_000_000, memory=1000 * GI)
    declare(plane, services, "a:1")
    converge(plane, "a:1", Calls())
    calls = Calls()
    declare(plane, services, "b:2")
    converge(plane, "b:2", calls)
    assert len(plane.cache.tasks) == services * EACH
    return calls.made / (services * EACH)


def test_a_change_to_all_makes_as_many_calls_for_each_task_however_many_services_there_are() -> None:
    few, many = calls_for_a_task(5), calls_for_a_task(50)
    assert many < 1.02 * few
