"""How a job's task ended: recorded once, with its last status, whatever the store does meanwhile."""

from __future__ import annotations

import pytest

from nodeagent.runtime.fake_program import Program
from taskyard import keys
from taskyard.objects import Result, TaskState, decode, encode
from taskyard.store.api import Put
from tests.nodeagent.world import UID, World

FAILS, SUCCEEDS, SERVES = ("fails",), ("succeeds",), ("serves",)
JOB = "0f3a9c51d2b7"
LABELS = {
    "taskyard/job": "resize",
    "taskyard/job-index": "4",
    "taskyard/job-attempt": "1",
    "taskyard/job-completions": "9",
}


@pytest.fixture
def world() -> World:
    return World(programs={FAILS: Program(runs=1.0, exit_code=3), SUCCEEDS: Program(runs=1.0), SERVES: Program()})


def result(world: World) -> Result | None:
    entry = world.memory.get(keys.result(UID))
    assert entry is None or entry.version == 1
    return decode(entry.value, Result) if entry else None


def test_a_program_that_ends_leaves_a_result_with_its_last_status(world: World) -> None:
    world.assign(args=FAILS, restart={"policy": "never"}, result_of=JOB)
    world.settle()
    assert result(world) is None
    world.advance(2)
    found, status = result(world), world.memory.get(keys.status("n1", UID))
    assert found is not None
    assert status is not None
    assert (found.job, found.succeeded, found.exit_code, found.reason, found.node) == (JOB, False, 3, "Error", "n1")
    entry = world.memory.get(keys.result(UID))
    assert entry is not None
    assert entry.mod_revision == status.mod_revision


def test_success_is_told_as_such(world: World) -> None:
    world.assign(args=SUCCEEDS, restart={"policy": "never"}, result_of=JOB)
    world.advance(2)
    found = result(world)
    assert found is not None
    assert found.succeeded


def test_a_restart_in_place_is_no_result(world: World) -> None:
    world.assign(args=FAILS, restart={"policy": "on-failure", "maxRestarts": 1}, result_of=JOB)
    world.advance(1.5)
    assert result(world) is None
    world.advance(5)
    assert result(world) is not None


def test_a_task_of_no_job_leaves_none(world: World) -> None:
    world.assign(args=SUCCEEDS, restart={"policy": "never"})
    world.advance(2)
    assert world.status().state is TaskState.COMPLETED
    assert result(world) is None


def test_one_that_was_asked_to_stop_leaves_none(world: World) -> None:
    world.assign(args=SERVES, result_of=JOB)
    world.settle()
    world.assign(args=SERVES, result_of=JOB, desired="Stopped", grace=0)
    world.advance(2)
    assert world.status().state is TaskState.COMPLETED
    assert result(world) is None


def test_what_is_recorded_stands_when_it_runs_again(world: World) -> None:
    first = Result(uid=UID, job=JOB, namespace="default", name="web", epoch=1, succeeded=False, exit_code=9)
    world.memory.commit([], [Put(keys.result(UID), encode(first))])
    world.assign(2, args=SUCCEEDS, restart={"policy": "never"}, result_of=JOB)
    world.advance(2)
    assert world.status().state is TaskState.COMPLETED
    assert result(world) == first


def test_its_place_in_the_job_is_in_its_environment(world: World) -> None:
    source = {"field": "job.index"}
    world.assign(args=SERVES, result_of=JOB, labels=LABELS, envFrom={"SHARD": source})
    world.settle()
    (container,) = world.containers()
    env = world.runtime.spec_of(container.id).env
    told = {each for each in env if each.startswith(("TASKYARD_JOB", "SHARD"))}
    assert told == {
        "TASKYARD_JOB=resize",
        "TASKYARD_JOB_INDEX=4",
        "TASKYARD_JOB_ATTEMPT=1",
        "TASKYARD_JOB_COMPLETIONS=9",
        "SHARD=4",
    }
