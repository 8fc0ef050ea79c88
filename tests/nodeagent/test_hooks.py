"""Programs run in a container after its start and before its stop, on a whole node in virtual time."""

from __future__ import annotations

import pytest

from taskyard.objects import TaskState
from tests.nodeagent.world import UID, Crash, Fuse, World

HOOKS = {"postStart": {"command": ["register"]}, "preStop": {"command": ["drain"]}}


def calls(world: World) -> list[str]:
    """What was asked of containers, in order."""
    work = ("create", "start", "run", "kill", "remove")
    return [call.split()[0] for call in world.runtime.calls if call.split()[0] in work]


def test_they_are_run_once_each_in_their_places() -> None:
    world = World()
    world.assign(hooks=HOOKS)
    world.settle()
    assert calls(world) == ["create", "start", "run"]
    assert world.status().state is TaskState.RUNNING
    world.assign(hooks=HOOKS, desired="Stopped")
    world.advance(11.0)
    assert calls(world) == ["create", "start", "run", "run", "kill", "remove"]
    assert world.status().reason == "Stopped"


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("after", [False, True])
def test_none_runs_without_its_hook_when_the_agent_dies_at_any_step(at: int, after: bool) -> None:
    world = World()
    world.assign(hooks=HOOKS)
    world.store.fuse = world.runtime.fuse = Fuse(at, after)
    try:
        world.settle()
    except Crash:
        world.store.fuse = world.runtime.fuse = Fuse()
        world.boot()
    world.store.fuse = world.runtime.fuse = Fuse()
    world.advance(11.0)
    assert world.status().state is TaskState.RUNNING
    assert calls(world).count("start") == 1
    assert calls(world).count("run") >= 1


def test_it_is_run_once_the_runtime_answers_again() -> None:
    world = World()
    world.assign(hooks=HOOKS)
    world.runtime.before_start = [lambda: world.runtime.break_down("answers lost")]
    world.settle()
    world.runtime.before_start = []
    world.runtime.break_down("")
    world.advance(30.0)
    assert calls(world) == ["create", "start", "run"]
    assert world.status().state is TaskState.RUNNING


def test_a_start_whose_hook_fails_has_failed() -> None:
    world = World()
    world.runtime.inside[("register",)] = 3
    world.assign(hooks=HOOKS, restart={"policy": "never"})
    world.advance(1.0)
    status = world.status()
    assert (status.state, status.reason) == (TaskState.FAILED, "PostStartFailed")
    assert status.message == "could not start: its postStart hook failed: exit code 3"
    assert world.running() == []


def test_a_stop_goes_on_whatever_its_hook_does() -> None:
    world = World()
    world.runtime.inside[("drain",)] = None
    world.assign(hooks=HOOKS)
    world.settle()
    world.assign(hooks=HOOKS, desired="Stopped")
    world.advance(11.0)
    assert world.status().reason == "Stopped"
    assert "its preStop hook failed: it took too long" in world.events.messages


def test_an_update_runs_the_hook_of_the_version_that_stops() -> None:
    world = World()
    world.assign(hooks=HOOKS)
    world.settle()
    world.runtime.calls.clear()
    world.assign(epoch=2)
    world.advance(11.0)
    assert calls(world)[:2] == ["run", "kill"]
    assert world.running() == [f"ty-{UID}-2-1"]


def test_a_forced_deletion_runs_none() -> None:
    world = World()
    world.assign(hooks=HOOKS)
    world.settle()
    world.runtime.calls.clear()
    world.assign(hooks=HOOKS, desired="Stopped", grace=0)
    world.settle()
    assert calls(world) == ["remove"]


def test_a_stop_is_put_off_and_then_comes() -> None:
    world = World()
    world.assign(stop={"delay": "3s"})
    world.settle()
    world.assign(epoch=2)
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert "kill" not in calls(world)
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-2-1"]
    assert calls(world).count("kill") == 1
