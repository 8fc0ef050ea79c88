"""Garbage collection on a real cache and store: what goes and what stays, whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from controlplane.garbage import controller
from taskyard import keys
from taskyard.annotations import COLLECTED
from taskyard.clock import timestamp
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Cron,
    CronSpec,
    Dependency,
    Job,
    JobPhase,
    JobRun,
    JobSpec,
    JobTemplate,
    Metadata,
    Namespace,
    NamespaceSpec,
    Owner,
    Result,
    Revision,
    Rollout,
    Service,
    ServiceSpec,
    TaskSpec,
    TaskState,
    TaskStatus,
    TaskTemplate,
    key_of,
)
from tests.support.folder import WatchedFolder
from tests.support.plane import Plane, a_spec, a_task, a_uid

HOUR = 3600.0
"""What the plane of the tests keeps, of three at most."""


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1", cpu=100_000)
    return plane


def end(plane: Plane, name: str, uid: str, spec: TaskSpec | None = None, **metadata: object) -> None:
    """A task that ran and is completed."""
    task = a_task(name, uid, spec)
    plane.add_task(replace(task, metadata=replace(task.metadata, **metadata)))
    plane.settle(plane.scheduler)
    say(plane, name, TaskState.COMPLETED)


def say(plane: Plane, name: str, state: TaskState) -> None:
    task = plane.task(name)
    assert task.binding is not None
    status = TaskStatus(
        uid=task.metadata.uid,
        namespace="default",
        name=name,
        epoch=task.binding.epoch,
        state=state,
        finished_at=timestamp(plane.clock.now()) if state.terminal else "",
    )
    plane.put(keys.status(task.binding.node, task.metadata.uid), status)


def put(plane: Plane, *values: Cron | Job | Service | Namespace) -> None:
    for value in values:
        plane.put(keys.object_key(key_of(value)), value)


def pass_time(plane: Plane, seconds: float) -> None:
    """With all the looks that come up."""
    until = plane.clock.monotonic() + seconds
    while plane.clock.monotonic() < until:
        plane.elector.step()
        plane.settle(plane.garbage, plane.tasks, plane.ownership)
        plane.clock.advance(min(5.0, until - plane.clock.monotonic()))
    plane.elector.step()
    plane.settle(plane.garbage, plane.tasks, plane.ownership)


def there(plane: Plane) -> list[str]:
    return [entry.key.rpartition("/")[2] for entry in plane.store.list(keys.TASKS).entries]


def test_a_task_goes_with_its_status_and_assignment_once_it_is_old_enough(plane: Plane) -> None:
    end(plane, "a", a_uid(1))
    pass_time(plane, HOUR - 60)
    assert there(plane) == ["a"]
    pass_time(plane, 120)
    assert there(plane) == []
    assert not [entry.key for entry in plane.store.list(keys.node_prefix("n1")).entries if a_uid(1) in entry.key]
    [told] = plane.told("Collected")
    assert told.about.name == "a"
    assert "kept for 1h" in told.message


def test_it_is_marked_with_why_it_goes(plane: Plane) -> None:
    end(plane, "a", a_uid(1), replace(a_spec(), ttl_after_finish="5s"))
    for _ in range(3):
        plane.elector.step()
        plane.settle(plane.garbage)
        plane.clock.advance(5.0)
    metadata = plane.task("a").metadata
    assert metadata.deletion_timestamp
    assert metadata.annotations[COLLECTED] == "its ttlAfterFinish is 5s"


def test_what_runs_or_waits_stays_however_old(plane: Plane) -> None:
    end(plane, "a", a_uid(1))
    say(plane, "a", TaskState.RUNNING)
    plane.add_task(a_task("huge", a_uid(2), a_spec(cpu="9000")))
    pass_time(plane, 3 * HOUR)
    assert there(plane) == ["a", "huge"]
    assert not plane.task("a").metadata.deletion_timestamp


def test_a_task_that_was_changed_after_it_had_ended_is_to_run_again(plane: Plane) -> None:
    end(plane, "a", a_uid(1))
    pass_time(plane, HOUR - 60)
    task = plane.task("a")
    plane.add_task(replace(task, spec=replace(task.spec, env={"A": "1"})))
    pass_time(plane, HOUR)
    assert there(plane) == ["a"]


def test_one_that_its_folder_declares_stays_and_so_does_not_run_again(plane: Plane) -> None:
    end(plane, "a", a_uid(1), replace(a_spec(), ttl_after_finish="1m"), source="folder/demo")
    pass_time(plane, 3 * HOUR)
    assert there(plane) == ["a"]


def test_what_a_watched_folder_declares_runs_once(tmp_path: Path, plane: Plane) -> None:
    (tmp_path / "demo").mkdir()
    watched = WatchedFolder(tmp_path / "demo", plane)
    text = "{apiVersion: taskyard/v1, kind: Task, metadata: {name: once}, spec: {image: 'a:1', ttlAfterFinish: 1m}}"
    watched.write("once.yaml", text)
    watched.settle(5.0)
    plane.settle(plane.scheduler)
    uid = plane.task("once").metadata.uid
    say(plane, "once", TaskState.COMPLETED)
    pass_time(plane, 3 * HOUR)
    watched.settle(60.0)
    assert plane.task("once").metadata.uid == uid
    watched.delete("once.yaml")
    watched.settle(5.0)
    pass_time(plane, 5.0)
    assert there(plane) == []


def test_a_service_looks_after_its_own(plane: Plane) -> None:
    end(plane, "web-0", a_uid(1), owner=Owner(kind="Service", name="web", uid=a_uid(9)))
    put(plane, Service(metadata=Metadata(name="web", uid=a_uid(9)), spec=a_service_spec()))
    pass_time(plane, 3 * HOUR)
    assert there(plane) == ["web-0"]


def a_service_spec(*depends_on: Dependency) -> ServiceSpec:
    return ServiceSpec(template=TaskTemplate(spec=TaskSpec(image="a:1", depends_on=list(depends_on))))


def test_what_tasks_to_come_will_wait_for_stays(plane: Plane) -> None:
    end(plane, "migrate", a_uid(1), replace(a_spec(), ttl_after_finish="1m"))
    awaits = Dependency(kind="Task", name="migrate", condition="completed")
    put(plane, Service(metadata=Metadata(name="web", uid=a_uid(9)), spec=a_service_spec(awaits)))
    pass_time(plane, 3 * HOUR)
    assert there(plane) == ["migrate"]
    plane.delete(keys.object_key(ObjectKey("Service", "default", "web")))
    pass_time(plane, 120)
    assert there(plane) == []


def test_a_namespace_says_otherwise(plane: Plane) -> None:
    spec = NamespaceSpec(ttl_after_finish="3h", keep_finished=1)
    put(plane, Namespace(metadata=Metadata(name="default", uid=a_uid(9)), spec=spec))
    for number in range(3):
        end(plane, f"a{number}", a_uid(number))
        plane.clock.advance(1.0)
    pass_time(plane, 500)
    assert there(plane) == ["a0", "a1", "a2"]
    pass_time(plane, 200)
    assert there(plane) == ["a2"]
    pass_time(plane, 2 * HOUR)
    assert there(plane) == ["a2"]
    pass_time(plane, HOUR)
    assert there(plane) == []


def test_jobs_go_too_but_neither_a_crons_nor_one_that_is_declared(plane: Plane) -> None:
    template = TaskTemplate(spec=TaskSpec(image="a:1"))
    cron = Owner(kind="Cron", name="nightly", uid=a_uid(9))
    for number, (name, source, owner) in enumerate((("old", "", None), ("ours", "ci", None), ("n-1", "", cron))):
        metadata = Metadata(name=name, uid=a_uid(number + 1), source=source, owner=owner)
        put(plane, Job(metadata=metadata, spec=JobSpec(template=template)))
        run = JobRun(job_uid=a_uid(number + 1), phase=JobPhase.COMPLETE, finished_at=timestamp(plane.clock.now()))
        plane.put(keys.run("default", name), run)
    hourly = CronSpec(schedule="@hourly", template=JobTemplate(spec=JobSpec(template=template)))
    put(plane, Cron(metadata=Metadata(name="nightly", uid=a_uid(9)), spec=hourly))
    pass_time(plane, HOUR + 60)
    jobs = {entry.key.rpartition("/")[2] for entry in plane.store.list(keys.JOBS).entries}
    assert jobs == {"ours", "n-1"}
    assert plane.store.get(keys.run("default", "old")) is None


def a_rollout() -> Rollout:
    template = TaskTemplate(spec=TaskSpec(image="a:1"))
    first = Revision(number=1, hash="0" * 16, template=template, at=timestamp(0.0))
    return Rollout(service_uid=a_uid(1), revisions=[first], target=1)


def test_records_whose_objects_were_deleted_by_hand_go_but_not_at_once(plane: Plane) -> None:
    plane.put(keys.rollout("default", "web"), a_rollout())
    plane.put(keys.run("default", "resize"), JobRun(job_uid=a_uid(2)))
    result = Result(uid=a_uid(3), job=a_uid(2), namespace="default", name="resize-0", epoch=1, succeeded=True)
    plane.put(keys.result(a_uid(3)), result)
    records = (keys.rollout("default", "web"), keys.run("default", "resize"), keys.result(a_uid(3)))
    pass_time(plane, 500)
    assert all(plane.store.get(key) for key in records)
    pass_time(plane, 200)
    assert not any(plane.store.get(key) for key in records)


def test_a_record_stays_whose_object_nobody_can_read(plane: Plane) -> None:
    plane.put(keys.rollout("default", "web"), a_rollout())
    plane.put(keys.object_key(ObjectKey("Service", "default", "web")), b"{")
    pass_time(plane, HOUR)
    assert plane.store.get(keys.rollout("default", "web"))


def test_what_begins_again_between_look_and_write_stays(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    end(plane, "a", a_uid(1))
    pass_time(plane, HOUR - 30)
    collect = controller._collect

    def begin_again(*args: object) -> object:
        say(plane, "a", TaskState.RUNNING)
        return collect(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(controller, "_collect", begin_again)
    pass_time(plane, 120)
    assert there(plane) == ["a"]
    assert not plane.task("a").metadata.deletion_timestamp


def test_many_go_a_hundred_at_a_time(plane: Plane) -> None:
    plane.add_node("n1", cpu=1_000_000)
    for number in range(250):
        plane.add_task(a_task(f"t{number:03d}", a_uid(number + 1), a_spec(cpu="10m")))
    plane.settle(plane.scheduler)
    for number in range(250):
        say(plane, f"t{number:03d}", TaskState.COMPLETED)
    plane.settle(plane.garbage)
    for _ in range(150):
        plane.elector.step()
        plane.clock.advance(4.0)
    gone = []
    for _ in range(5):
        plane.elector.step()
        plane.settle(plane.garbage, plane.tasks)
        gone.append(250 - len(there(plane)))
        plane.clock.advance(1.0)
    assert gone == [100, 200, 247, 247, 247]


def test_an_end_at_no_readable_time_stays_and_holds_up_nothing_else(plane: Plane) -> None:
    end(plane, "good", a_uid(1))
    end(plane, "bad", a_uid(2))
    task = plane.task("bad")
    assert task.binding is not None
    status = TaskStatus(
        uid=task.metadata.uid,
        namespace="default",
        name="bad",
        epoch=task.binding.epoch,
        state=TaskState.COMPLETED,
        finished_at="yesterday",
    )
    plane.put(keys.status(task.binding.node, task.metadata.uid), status)
    pass_time(plane, 2 * HOUR)
    assert [key.name for key in plane.cache.tasks] == ["bad"]
