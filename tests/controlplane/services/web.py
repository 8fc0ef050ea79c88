"""A service of two nodes, on a real cache and store, and what its tests look at and bring about."""

from __future__ import annotations

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Metadata,
    Rollout,
    Service,
    ServiceSpec,
    Task,
    TaskSpec,
    TaskState,
    TaskTemplate,
    Update,
    decode,
)
from tests.support.plane import Plane, a_uid

WEB = keys.object_key(ObjectKey("Service", "default", "web"))


def a_service(image: str = "a:1", *, uid: str = a_uid(9), update: Update | None = None, **spec: object) -> Service:
    template = TaskTemplate(spec=TaskSpec(image=image))
    made = ServiceSpec(template=template, update=update or Update(), **spec)  # type: ignore[arg-type]
    return Service(metadata=Metadata(name="web", uid=uid, generation=1), spec=made)


def tasks(plane: Plane) -> dict[str, Task]:
    found = [decode(entry.value, Task) for entry in plane.store.list(keys.TASKS).entries]
    return {task.metadata.name: task for task in found}


def rollout(plane: Plane) -> Rollout:
    entry = plane.store.get(keys.rollout("default", "web"))
    assert entry is not None
    return decode(entry.value, Rollout)


def settle(plane: Plane) -> None:
    plane.settle(plane.services, plane.scheduler, plane.tasks, plane.ownership)


def report_all(plane: Plane, state: TaskState = TaskState.RUNNING) -> None:
    """What the agents say of all that is bound."""
    for name, task in tasks(plane).items():
        if task.binding is not None and task.binding.spec_hash:
            plane.report(name, state)
    settle(plane)


def run(plane: Plane) -> None:
    """Until every task runs what it is to run."""
    for _ in range(30):
        report_all(plane)
        for name, task in tasks(plane).items():
            if task.metadata.deletion_timestamp and task.binding:
                plane.report(name, TaskState.COMPLETED)
        settle(plane)
