"""A singleton on one node: it ends before the lease can, whatever becomes of the agent, and starts again after."""

from __future__ import annotations

import pytest

from nodeagent.runtime.port import ContainerSpec
from taskyard import keys
from taskyard.objects import TaskState
from tests.nodeagent.world import UID, World


@pytest.fixture
def world() -> World:
    """The singleton runs."""
    world = World()
    world.assign(singleton=True)
    world.advance(2.0)
    assert world.status().state is TaskState.RUNNING
    assert len(world.guard.held) == 1
    return world


def pass_alone(world: World, seconds: float) -> None:
    """Time without the agent: it is frozen, or dead."""
    for _ in range(int(seconds * 20)):
        world.clock.advance(0.05)
        world.guard.act()


def test_it_goes_on_as_long_as_the_lease_is_renewed(world: World) -> None:
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1"]


@pytest.mark.parametrize("signal_ignored", [False, True], ids=["it obeys", "it ignores the stop signal"])
def test_cut_off_from_the_store_it_ends_before_the_lease_can_expire(world: World, signal_ignored: bool) -> None:
    if signal_ignored:
        for found in world.runtime.containers.all:
            object.__setattr__(found.program, "ignores", frozenset({"SIGTERM"}))
    world.store.down = True
    lease = world.memory.get(keys.node_lease("n1"))
    ended = 0.0
    for _ in range(400):
        world.advance(0.05)
        if not world.running() and not ended:
            ended = world.clock.monotonic()
        world.memory.expire()
        if world.memory.get(keys.node_lease("n1")) is None:
            break
    assert lease is not None
    assert world.clock.monotonic() - ended >= (0.9 if signal_ignored else 2.0), "killed only just in time"
    assert world.running() == []


def test_the_agent_frozen_it_ends_all_the_same(world: World) -> None:
    pass_alone(world, 9.5)
    assert world.running() == []


def test_it_starts_again_once_the_lease_is_back_and_that_is_no_restart(world: World) -> None:
    world.store.down = True
    world.advance(15.0)
    assert world.running() == []
    world.store.down = False
    world.advance(5.0)
    assert world.running() == [f"ty-{UID}-1-2"]
    status = world.status()
    assert (status.attempt, status.restarts) == (2, 0)
    assert status.last_exit is not None
    assert status.last_exit.reason == "Fenced"
    assert "Fenced" in world.events.reasons


def test_it_also_starts_again_where_its_restart_policy_is_never() -> None:
    world = World()
    world.assign(singleton=True, restart={"policy": "never"})
    world.advance(2.0)
    pass_alone(world, 12.0)
    world.advance(5.0)
    assert world.running() == [f"ty-{UID}-1-2"]


def test_a_new_agent_within_the_lease_takes_it_over_untouched(world: World) -> None:
    pass_alone(world, 4.0)
    world.boot()
    world.advance(30.0)
    assert world.running() == [f"ty-{UID}-1-1"]


def test_a_start_that_comes_too_late_is_killed_at_once_and_made_anew() -> None:
    """The agent froze between its last check and the start."""
    world = World()
    world.assign(singleton=True)

    def freeze() -> None:
        world.runtime.before_start = []
        pass_alone(world, 15.0)

    world.runtime.before_start = [freeze]
    world.settle()
    world.guard.act()
    assert world.running() == []
    world.advance(10.0)
    assert world.running() == [f"ty-{UID}-1-2"]


def test_found_running_without_a_watchdog_it_is_held_again(world: World) -> None:
    world.guard._sentinel.held.clear()
    world.advance(1.0)
    world.assign(2, uid="00000000000a")
    world.agent.look_around()
    world.queue.add(UID)
    world.advance(1.0)
    assert len(world.guard.held) == 1
    assert world.running() == [f"ty-{UID}-1-1", "ty-00000000000a-2-1"][::-1]


def test_one_that_cannot_be_held_is_not_left_running(world: World) -> None:
    world.guard._sentinel.held.clear()
    world.store.down = True
    world.clock.advance(8.0)
    world.queue.add(UID)
    world.settle()
    assert world.running() == []


def test_other_tasks_run_on_without_the_lease(world: World) -> None:
    world.assign(uid="00000000000b")
    world.advance(2.0)
    world.store.down = True
    world.advance(60.0)
    assert world.running() == ["ty-00000000000b-1-1"]


def test_what_others_run_is_never_held(world: World) -> None:
    made = world.runtime.create(ContainerSpec("mine", "busybox:1.35", {}))
    world.runtime.start(made)
    pass_alone(world, 20.0)
    assert world.running() == ["mine"]
