"""Tasks that wait for others: held back until each condition is met, told why, and let go when it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.dependencies import unmet
from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import (
    Dependency,
    Job,
    JobPhase,
    JobRun,
    JobSpec,
    Metadata,
    Service,
    ServiceSpec,
    TaskSpec,
    TaskState,
    TaskTemplate,
)
from tests.support.plane import Plane, a_spec, a_task, a_uid

TEMPLATE = TaskTemplate(spec=TaskSpec(image="a:1"))
MOMENT = "2026-11-22T20:57:48.123Z"


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    return plane


def settle(plane: Plane) -> None:
    plane.settle(plane.services, plane.scheduler, plane.tasks)


def wait(plane: Plane, *awaited: Dependency) -> None:
    plane.add_task(a_task("web", a_uid(1), replace(a_spec(), depends_on=list(awaited))))
    settle(plane)
    assert plane.node_of("web") == ""


def why(plane: Plane, reason: str = "Dependencies") -> str:
    with plane.cache.lock:
        waiting = PendingReasons(plane.cache, plane.clock)(plane.cache.tasks[NamedKey("default", "web")])
    assert waiting.reason == reason
    return waiting.message


def test_a_task_that_is_not_there_yet_then_starts_and_is_healthy(plane: Plane) -> None:
    wait(plane, Dependency(kind="Task", name="db"))
    assert why(plane) == "waits for task/db to be healthy (it is not there)"
    plane.add_task(a_task("db", a_uid(2)))
    settle(plane)
    assert (plane.node_of("db"), plane.node_of("web")) == ("n1", "")
    assert why(plane) == "waits for task/db to be healthy (it is Scheduled)"
    plane.report("db", TaskState.RUNNING)
    settle(plane)
    assert plane.node_of("web") == "n1"


def test_another_of_the_same_name_that_waits_is_told_of_as_well(plane: Plane) -> None:
    wait(plane, Dependency(kind="Task", name="db"))
    plane.delete(keys.task("default", "web"))
    settle(plane)
    plane.add_task(a_task("web", a_uid(9), replace(a_spec(), depends_on=[Dependency(kind="Task", name="db")])))
    settle(plane)
    (told,) = plane.told("Waiting")
    assert (told.about.uid, told.count) == (a_uid(9), 1)


@pytest.mark.parametrize(
    ("condition", "states"),
    [
        ("started", [TaskState.STARTING, TaskState.RUNNING]),
        ("completed", [TaskState.STARTING, TaskState.RUNNING, TaskState.COMPLETED]),
    ],
)
def test_only_the_condition_lets_it_go(plane: Plane, condition: str, states: list[TaskState]) -> None:
    plane.add_task(a_task("db", a_uid(2)))
    settle(plane)
    wait(plane, Dependency(kind="Task", name="db", condition=condition))  # type: ignore[arg-type]
    for state in states:
        assert plane.node_of("web") == ""
        plane.report("db", state)
        settle(plane)
    assert plane.node_of("web") == "n1"


def test_a_service_is_healthy_with_all_of_its_tasks(plane: Plane) -> None:
    service = Service(
        metadata=Metadata(name="db", uid=a_uid(9), generation=1), spec=ServiceSpec(replicas=2, template=TEMPLATE)
    )
    wait(plane, Dependency(name="db"))
    plane.put(keys.object_key(ObjectKey("Service", "default", "db")), service)
    settle(plane)
    assert why(plane) == "waits for service/db to be healthy (it has 0 of 2 tasks ready)"
    plane.report("db-0", TaskState.RUNNING)
    settle(plane)
    assert plane.node_of("web") == ""
    plane.report("db-1", TaskState.RUNNING)
    settle(plane)
    assert plane.node_of("web") == "n1"


def test_a_job_has_to_complete_and_one_that_failed_is_told(plane: Plane) -> None:
    plane.put(
        keys.object_key(ObjectKey("Job", "default", "migrate")),
        Job(metadata=Metadata(name="migrate", uid=a_uid(9), generation=1), spec=JobSpec(template=TEMPLATE)),
    )
    wait(plane, Dependency(kind="Job", name="migrate"))
    assert "was not started" in why(plane)
    run = JobRun(job_uid=a_uid(9), phase=JobPhase.FAILED, finished_at=MOMENT, message="exited with code 1")
    plane.put(keys.run("default", "migrate"), run)
    settle(plane)
    assert why(plane) == "waits for job/migrate to be completed (it has failed: exited with code 1)"
    plane.put(keys.run("default", "migrate"), JobRun(job_uid=a_uid(9), phase=JobPhase.COMPLETE, finished_at=MOMENT))
    settle(plane)
    assert plane.node_of("web") == "n1"


def test_all_of_them_are_waited_for_and_what_has_a_node_keeps_it(plane: Plane) -> None:
    wait(plane, Dependency(kind="Task", name="db"), Dependency(kind="Task", name="cache"))
    for name, uid in (("db", 2), ("cache", 3)):
        assert plane.node_of("web") == ""
        plane.add_task(a_task(name, a_uid(uid)))
        settle(plane)
        plane.report(name, TaskState.RUNNING)
        settle(plane)
    assert plane.node_of("web") == "n1"
    plane.report("db", TaskState.FAILED)
    settle(plane)
    with plane.cache.lock:
        assert unmet(plane.cache, plane.cache.tasks[NamedKey("default", "web")]) == []


def test_waiting_for_too_long_is_told(plane: Plane) -> None:
    wait(plane, Dependency(kind="Task", name="db", timeout="10s"))
    assert plane.told("Waiting")[0].message == "waits for task/db to be healthy"
    assert plane.told("DependencyTimeout") == []
    assert why(plane).startswith("waits for task/db to be healthy, timeout 10s (")
    plane.live(12)
    assert why(plane, "DependencyTimeout").startswith("still waits for task/db to be healthy, timeout 10s (")
    assert "still waits for task/db to be healthy, timeout 10s (" in plane.told("DependencyTimeout")[0].message


def test_another_namespace_s_task_of_that_name_is_not_meant(plane: Plane) -> None:
    other = a_task("db", a_uid(2))
    plane.add_task(replace(other, metadata=replace(other.metadata, namespace="shop")))
    wait(plane, Dependency(kind="Task", name="db"))
    assert "is not there" in why(plane)
