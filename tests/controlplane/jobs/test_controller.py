"""The job controller on a real cache and store: with the scheduler, through failures, suspensions and other leaders."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.jobs.standing import standing
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Job,
    JobPhase,
    JobRun,
    JobSpec,
    Metadata,
    Result,
    Task,
    TaskSpec,
    TaskState,
    TaskTemplate,
    decode,
    encode,
)
from taskyard.store.api import Delete, Put
from tests.support.plane import Plane, a_task, a_uid

RESIZE = keys.object_key(ObjectKey("Job", "default", "resize"))


def a_job(**spec: object) -> Job:
    made = JobSpec(template=TaskTemplate(spec=TaskSpec(image="a:1")), **spec)  # type: ignore[arg-type]
    return Job(metadata=Metadata(name="resize", uid=a_uid(9), generation=1), spec=made)


def tasks(plane: Plane) -> dict[str, Task]:
    found = [decode(entry.value, Task) for entry in plane.store.list(keys.TASKS).entries]
    return {task.metadata.name: task for task in found}


def run_of(plane: Plane) -> JobRun:
    entry = plane.store.get(keys.run("default", "resize"))
    assert entry is not None
    return decode(entry.value, JobRun)


def settle(plane: Plane) -> None:
    """Two writes for one job are a moment apart."""
    for _ in range(3):
        plane.settle(plane.jobs, plane.scheduler, plane.tasks, plane.ownership)
        plane.clock.advance(0.3)
        plane.elector.step()
    plane.settle(plane.jobs, plane.scheduler, plane.tasks, plane.ownership)


def end(plane: Plane, name: str, code: int = 0) -> None:
    """What the agent writes when the task's program ends."""
    task = plane.task(name)
    plane.report(name, TaskState.FAILED if code else TaskState.COMPLETED)
    result = Result(
        uid=task.metadata.uid,
        job=a_uid(9),
        namespace="default",
        name=name,
        epoch=1,
        succeeded=code == 0,
        exit_code=code,
        message=f"exited with code {code}",
        finished_at=timestamp(plane.clock.now()),
    )
    plane.put(keys.result(task.metadata.uid), result)


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    plane.add_node("n2")
    return plane


def test_tasks_are_made_bound_and_owned_and_say_whose_result_is_wanted(plane: Plane) -> None:
    plane.put(RESIZE, a_job(completions=3, parallelism=2))
    settle(plane)
    made = tasks(plane)
    assert sorted(made) == ["resize-0", "resize-1"]
    task = made["resize-1"]
    assert task.metadata.owner is not None
    assert (task.metadata.owner.kind, task.metadata.owner.uid) == ("Job", a_uid(9))
    assert task.metadata.labels == {
        "taskyard/job": "resize",
        "taskyard/job-index": "1",
        "taskyard/job-attempt": "0",
        "taskyard/job-completions": "3",
    }
    assert task.spec.restart.policy == "never"
    held = plane.assignment(plane.node_of("resize-1"), task.metadata.uid)
    assert held is not None
    assert held.result_of == a_uid(9)


def test_it_counts_results_and_goes_on_until_it_is_complete(plane: Plane) -> None:
    plane.put(RESIZE, a_job(completions=3, parallelism=2))
    settle(plane)
    end(plane, "resize-0")
    settle(plane)
    assert sorted(tasks(plane)) == ["resize-0", "resize-1", "resize-2"]
    end(plane, "resize-1")
    end(plane, "resize-2")
    settle(plane)
    run = run_of(plane)
    assert (run.phase, run.succeeded) == (JobPhase.COMPLETE, "0-2")
    assert [event.message for event in plane.told("Completed")] == ["3 of 3 tasks succeeded"]


def test_a_failure_is_tried_again_when_its_time_has_come_also_by_the_next_leader(plane: Plane) -> None:
    plane.put(RESIZE, a_job())
    settle(plane)
    end(plane, "resize-0", 1)
    settle(plane)
    assert sorted(tasks(plane)) == ["resize-0"]
    assert "exited with code 1" in plane.told("TaskFailed")[0].message
    plane.elector.resign()
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    other.lead()
    plane.clock.advance(5)
    other.elector.step()
    settle(other)
    assert sorted(tasks(other)) == ["resize-0"]
    for _ in range(6):
        plane.clock.advance(1)
        other.elector.step()
    settle(other)
    assert sorted(tasks(other)) == ["resize-0", "resize-0-r1"]


@pytest.mark.parametrize("guarantee", ["at-least-once", "at-most-once"])
def test_it_waits_while_its_record_cannot_be_read_and_then_goes_on(plane: Plane, guarantee: str) -> None:
    plane.put(RESIZE, a_job(completions=3, guarantee=guarantee, keep_tasks=0))
    settle(plane)
    end(plane, "resize-0")
    settle(plane)
    place = keys.run("default", "resize")
    good, before = run_of(plane), plane.task("resize-1").metadata.uid
    plane.put(place, b'{"jobUid": 3}')
    settle(plane)
    end(plane, "resize-1")
    settle(plane)
    ended = plane.task("resize-1")
    plane.add_task(replace(ended, metadata=replace(ended.metadata, deletion_timestamp="2026-11-22T20:57:48.123Z")))
    settle(plane)  # It stays until its end is counted.
    entry = plane.store.get(place)
    assert entry is not None
    assert entry.value == b'{"jobUid": 3}'
    assert {name: task.metadata.uid for name, task in tasks(plane).items()} == {"resize-1": before}
    (event,) = plane.told("RecordUnreadable")
    assert f"{place} cannot be read" in event.message
    assert "delete that key" in event.message
    job = plane.cache.objects[ObjectKey("Job", "default", "resize")].value
    assert isinstance(job, Job)
    assert standing(plane.cache, job).message == event.message
    plane.put(place, good)
    settle(plane)
    assert run_of(plane).succeeded == "0-1"
    assert sorted(tasks(plane)) == ["resize-2"]


def test_a_task_that_somebody_deletes_is_made_again(plane: Plane) -> None:
    plane.put(RESIZE, a_job())
    settle(plane)
    before = plane.task("resize-0")
    plane.put(keys.task("default", "resize-0"), replace_deleted(before, plane))
    settle(plane)
    plane.report("resize-0", TaskState.COMPLETED)
    settle(plane)
    assert plane.task("resize-0").metadata.uid != before.metadata.uid
    assert run_of(plane).failures == 0


def replace_deleted(task: Task, plane: Plane) -> Task:
    return replace(task, metadata=replace(task.metadata, deletion_timestamp=timestamp(plane.clock.now())))


def test_one_that_runs_once_is_unknown_when_its_node_does_not_come_back(plane: Plane) -> None:
    plane.put(RESIZE, a_job(guarantee="at-most-once"))
    settle(plane)
    node = plane.node_of("resize-0")
    plane.delete(keys.node_lease(node))
    settle(plane)
    for _ in range(280):
        plane.clock.advance(1)
        plane.elector.step()
    settle(plane)
    assert plane.node_of("resize-0") == node
    assert run_of(plane).phase is JobPhase.RUNNING
    for _ in range(100):
        plane.clock.advance(1)
        plane.elector.step()
    settle(plane)
    assert (run_of(plane).phase, run_of(plane).reason) == (JobPhase.FAILED, "OutcomeUnknown")
    assert tasks(plane) == {}


def test_one_that_runs_once_and_is_cut_short_is_unknown_and_that_is_told_with_its_reason(plane: Plane) -> None:
    plane.put(RESIZE, a_job(guarantee="at-most-once"))
    settle(plane)
    task = plane.task("resize-0")
    assert task.binding is not None
    held = plane.assignment(task.binding.node, task.metadata.uid)
    assert held is not None
    reason = "evicted from n1: the node is drained, and its deadline is over"
    plane.put(keys.assignment(task.binding.node, held.uid), replace(held, desired="Stopped", reason=reason))
    settle(plane)
    assert run_of(plane).phase is JobPhase.RUNNING
    plane.report("resize-0", TaskState.COMPLETED)
    settle(plane)
    assert (run_of(plane).phase, run_of(plane).unknown) == (JobPhase.FAILED, "0")
    assert [event.message for event in plane.told("TaskFailed")] == [f"task/resize-0 {reason}; it is not run again"]
    assert tasks(plane) == {}


def test_deleting_a_job_takes_tasks_results_and_record_along(plane: Plane) -> None:
    plane.put(RESIZE, a_job(completions=2, parallelism=2))
    settle(plane)
    end(plane, "resize-0")
    settle(plane)
    job = a_job(completions=2, parallelism=2)
    gone = replace(job, metadata=replace(job.metadata, deletion_timestamp=timestamp(plane.clock.now())))
    plane.put(RESIZE, gone)
    settle(plane)
    plane.report("resize-1", TaskState.COMPLETED)
    settle(plane)
    for prefix in (keys.TASKS, keys.JOBS, keys.RUNS, keys.RESULTS):
        assert plane.store.list(prefix).entries == ()


def test_it_goes_by_itself_after_its_time_to_live(plane: Plane) -> None:
    plane.put(RESIZE, a_job(ttl_after_finish="10s"))
    settle(plane)
    end(plane, "resize-0")
    settle(plane)
    assert run_of(plane).phase is JobPhase.COMPLETE
    for _ in range(12):
        plane.clock.advance(1)
        plane.elector.step()
    settle(plane)
    assert plane.store.get(RESIZE) is None
    assert tasks(plane) == {}


def test_all_or_nothing_waits_until_all_fit(plane: Plane) -> None:
    template = TaskTemplate(spec=replace(TaskSpec(image="a:1"), resources=a_task("x", "", None).spec.resources))
    big = replace(template.spec, resources=replace(template.spec.resources, cpu="3"))
    job = a_job(completions=3, parallelism=3, all_or_nothing=True)
    plane.put(RESIZE, replace(job, spec=replace(job.spec, template=replace(template, spec=big))))
    settle(plane)
    assert len(tasks(plane)) == 3
    assert not any(task.binding for task in tasks(plane).values())
    plane.add_node("n3")
    settle(plane)
    assert sorted(plane.node_of(name) for name in tasks(plane)) == ["n1", "n2", "n3"]


def test_a_wide_job_is_filled_at_once(plane: Plane) -> None:
    """Only what ends one after the other is counted a few times a second."""
    plane.put(RESIZE, a_job(completions=1000, parallelism=450))
    plane.settle(plane.jobs)
    assert len(tasks(plane)) == 450


def test_an_array_of_thousands_is_counted_in_few_writes(plane: Plane) -> None:
    """Ended as soon as it is made: what the record costs, and that nothing is counted twice."""
    plane.put(RESIZE, a_job(completions=2000, parallelism=200, keep_tasks=5))
    writes = 0
    for _ in range(200):
        plane.pump()
        if plane.jobs.step():
            before = plane.store.get(keys.run("default", "resize"))
            plane.pump()
            assert before is not None
            writes = before.version
            with plane.cache.lock:
                ended = [r for r in plane.cache.tasks.values() if r.uid not in plane.cache.results]
            for start in range(0, len(ended), 100):
                plane.store.commit([], [_result(record.task) for record in ended[start : start + 100]])
        plane.clock.advance(0.25)
        plane.elector.step()
        entry = plane.store.get(keys.run("default", "resize"))
        if entry is not None and decode(entry.value, JobRun).phase.finished:
            break
        remove_deleted(plane)
    assert run_of(plane).phase is JobPhase.COMPLETE
    assert run_of(plane).succeeded == "0-1999"
    assert writes <= 30


def _result(task: Task) -> Put:
    metadata = task.metadata
    made = Result(
        uid=metadata.uid, job=a_uid(9), namespace="default", name=metadata.name, epoch=1, succeeded=True, exit_code=0
    )
    return Put(keys.result(metadata.uid), encode(made))


def remove_deleted(plane: Plane) -> None:
    plane.pump()
    with plane.cache.lock:
        gone = [r.entry.key for r in plane.cache.tasks.values() if r.task.metadata.deletion_timestamp]
    for start in range(0, len(gone), 100):
        plane.store.commit([], [Delete(key) for key in gone[start : start + 100]])
