"""Init tasks on a whole node in virtual time: in their order, each with success, before the task, at each attempt."""

from __future__ import annotations

from typing import Any

import pytest

from nodeagent.runtime.fake_program import Program
from taskyard.objects import TaskState
from tests.nodeagent.world import FOREVER, UID, Crash, Fuse, World

FIRST, SECOND, BROKEN = ("first",), ("second",), ("broken",)
INIT: list[dict[str, Any]] = [
    {"name": "fetch", "args": FIRST, "env": {"A": "init"}},
    {"name": "migrate", "image": "tool:1", "args": SECOND},
]


@pytest.fixture
def world() -> World:
    programs = {FIRST: Program(runs=5.0), SECOND: Program(runs=5.0), BROKEN: Program(runs=1.0, exit_code=3)}
    world = World(programs=programs)
    world.runtime.registry.add("tool:1")
    return world


def started(world: World) -> list[str]:
    """Names without the uid, in order."""
    calls = [call.split() for call in world.runtime.calls]
    names = {one.id: one.name for one in world.containers()}
    return [names[call[1]].removeprefix(f"ty-{UID}-") for call in calls if call[0] == "start" and call[1] in names]


def why(world: World) -> tuple[TaskState, str]:
    return world.status().state, world.status().reason


def test_they_run_one_after_the_other_and_then_the_task(world: World) -> None:
    world.assign(init=INIT, env={"A": "main", "B": "both"}, ports=[{"container": 80, "host": 8080}])
    world.settle()
    assert world.running() == [f"ty-{UID}-1-1-init1"]
    assert why(world) == (TaskState.STARTING, "Initializing")
    assert world.status().message == "init task fetch runs (1 of 2)"
    spec = world.runtime.spec_of(world.containers()[0].id)
    assert {"A=init", "B=both"} <= set(spec.env)
    assert spec.ports == ()
    world.advance(5.5)
    assert world.running() == [f"ty-{UID}-1-1-init2"]
    assert world.runtime.spec_of(world.containers()[-1].id).image == "tool:1"
    assert world.status().message == "init task migrate runs (2 of 2)"
    world.advance(5.5)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert (*why(world), world.status().message) == (TaskState.RUNNING, "", "")
    assert [port.host for port in world.status().ports] == [8080]
    assert started(world) == ["1-1-init1", "1-1-init2", "1-1"]


def test_one_that_fails_is_a_failure_of_the_attempt(world: World) -> None:
    world.assign(init=[INIT[0], {"name": "broken", "args": BROKEN}])
    world.advance(6.8)
    status = world.status()
    assert (status.state, status.attempt, status.restarts) == (TaskState.STARTING, 2, 1)
    assert status.message == "init task broken exited with code 3; restart 1 in 1s"
    assert status.last_exit is not None
    assert (status.last_exit.reason, status.last_exit.exit_code) == ("InitFailed", 3)
    world.advance(6.0)
    assert started(world) == ["1-1-init1", "1-1-init2", "1-2-init1", "1-2-init2"]


def test_one_that_fails_ends_a_task_that_runs_once(world: World) -> None:
    world.assign(init=[{"name": "broken", "args": BROKEN}], restart={"policy": "never"})
    world.advance(3.0)
    assert why(world) == (TaskState.FAILED, "InitFailed")
    assert started(world) == ["1-1-init1"]


def test_they_run_again_before_each_restart(world: World) -> None:
    world.assign(init=INIT[:1])
    world.advance(6.0)
    (running,) = [one.id for one in world.containers() if one.name in world.running()]
    world.runtime.end(running, "SIGKILL")
    world.advance(8.0)
    assert (why(world), world.status().attempt) == ((TaskState.RUNNING, ""), 2)
    assert started(world) == ["1-1-init1", "1-1", "1-2-init1", "1-2"]


def test_a_new_agent_goes_on_where_the_last_one_was(world: World) -> None:
    world.assign(init=INIT)
    for _ in range(12):
        world.advance(1.0)
        world.boot()
    world.advance(2.0)
    assert started(world) == ["1-1-init1", "1-1-init2", "1-1"]
    assert why(world) == (TaskState.RUNNING, "")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 13))
def test_an_agent_that_dies_at_any_step_leaves_nothing_out_and_does_nothing_twice(
    world: World, at: int, after: bool
) -> None:
    world.assign(init=INIT)
    fuse = Fuse(at, after)
    world.store.fuse = world.runtime.fuse = fuse
    try:
        world.advance(15.0)
    except Crash:
        world.store.fuse = world.runtime.fuse = Fuse()
        world.boot()
        world.advance(30.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert started(world) == ["1-1-init1", "1-1-init2", "1-1"]


def test_a_stop_comes_at_once(world: World) -> None:
    world.assign(init=INIT)
    world.advance(1.0)
    world.assign(init=INIT, desired="Stopped")
    world.advance(1.0)
    assert why(world) == (TaskState.COMPLETED, "Stopped")
    assert world.containers() == []


def test_an_update_fetches_the_task_s_own_image_before_it_stops_what_runs(world: World) -> None:
    world.assign()
    world.settle()
    world.assign(2, image="nowhere:1", init=INIT)
    world.advance(5.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert "image nowhere:1" in world.status().message


def test_an_image_of_theirs_that_is_missing_is_waited_for(world: World) -> None:
    world.runtime.registry.clear()
    world.assign(init=INIT)
    world.advance(6.0)
    assert why(world) == (TaskState.STARTING, "ImagePullBackOff")
    assert "image tool:1 could not be pulled" in world.status().message
    world.runtime.registry.add("tool:1")
    world.advance(20.0)
    assert why(world) == (TaskState.RUNNING, "")
    assert world.status().attempt == 1


def test_with_pull_always_each_image_is_fetched(world: World) -> None:
    world.runtime.registry |= {"busybox:1.35", "tool:1"}
    world.assign(init=INIT, pullPolicy="Always")
    world.advance(12.0)
    assert why(world) == (TaskState.RUNNING, "")
    pulls = [call.split()[1] for call in world.runtime.calls if call.startswith("pull")]
    assert pulls == ["busybox:1.35", "tool:1", "busybox:1.35"]


def test_a_singleton_s_are_answered_for_as_well(world: World) -> None:
    world.assign(init=INIT, singleton=True)
    world.advance(1.0)
    (running,) = [one for one in world.containers() if one.name.endswith("init1")]
    assert running.id in world.guard.held
    world.boot()
    world.advance(12.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.runtime.spec_of(world.containers()[0].id).args == FOREVER
