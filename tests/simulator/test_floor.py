"""How few tasks of a service may be left when one is taken away: what nobody could have heard is forgiven."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from simulator.mirror import Mirror
from simulator.services import Services
from simulator.story import Violation
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Amounts,
    Assignment,
    Binding,
    Metadata,
    NodeLease,
    Owner,
    Service,
    ServiceSpec,
    Task,
    TaskState,
    TaskStatus,
    TaskTemplate,
    Update,
    encode,
    spec_hash,
)
from tests.support.plane import GI, a_spec

SLOT = "taskyard/slot"
SPEC = a_spec()


def a_service() -> Service:
    update = Update(max_unavailable=0)
    spec = ServiceSpec(replicas=2, template=TaskTemplate(spec=SPEC), update=update)
    return Service(metadata=Metadata(name="s", uid="u"), spec=spec)


def a_task_of_it(slot: int) -> Task:
    metadata = Metadata(
        name=f"s-{slot}", uid=f"u{slot}", labels={SLOT: str(slot)}, owner=Owner(kind="Service", name="s", uid="u")
    )
    return Task(metadata=metadata, spec=SPEC, binding=Binding(node="n01", epoch=1, spec_hash=spec_hash(SPEC)))


def deleted(task: Task) -> Task:
    return replace(task, metadata=replace(task.metadata, deletion_timestamp="2023-11-14T22:15:00Z"))


@pytest.mark.parametrize(
    ("who", "at", "enough"),
    [
        pytest.param("user", 99.0, True, id="by a user, a moment ago"),
        pytest.param("user", 80.0, False, id="by a user, long ago"),
        pytest.param("cp1-1/services", 99.0, False, id="by the controller itself"),
    ],
)
def test_of_three_with_one_deleted_another_is_taken_away(who: str, at: float, enough: bool) -> None:
    services, mirror, tasks = Services(), Mirror([]), [a_task_of_it(slot) for slot in range(3)]
    services.now[ObjectKey("Service", "default", "s")] = a_service()
    lease = NodeLease(incarnation="i", host_id="h", address="", capacity=Amounts(cpu_millis=1, memory_bytes=GI))
    mirror.put(keys.node_lease("n01"), encode(lease))
    for task in tasks:
        uid, name = task.metadata.uid, task.metadata.name
        held = Assignment(uid=uid, namespace="default", name=name, epoch=1, spec_hash="", spec=SPEC)
        mirror.put(keys.task("default", name), encode(task))
        mirror.put(keys.assignment("n01", uid), encode(held))
        status = TaskStatus(uid=uid, namespace="default", name=name, epoch=1, state=TaskState.RUNNING)
        mirror.put(keys.status("n01", uid), encode(status))
        services.available.note(mirror, uid, 0.0)

    def delete(task: Task, who: str, now: float) -> None:
        mirror.put(keys.task("default", task.metadata.name), encode(deleted(task)))
        if who != "user":
            services.check_changed(task, deleted(task), mirror, who, now)
        services.available.note(mirror, task.metadata.uid, now)
        if now == 100.0:
            services.check_floor(mirror, now)

    delete(tasks[2], who, at)
    if enough:
        delete(tasks[0], "cp1-1/services", 100.0)
    else:
        with pytest.raises(Violation, match="s-0 was taken away, and 1 tasks of service/s are available, of 2 less 0"):
            delete(tasks[0], "cp1-1/services", 100.0)
