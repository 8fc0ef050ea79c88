"""The lost node's agent comes back with its old container: a real scheduler and a real agent on one store."""

from __future__ import annotations

import pytest

from taskyard import keys
from taskyard.objects import OnNodeLoss, TaskState
from tests.nodeagent.world import FOREVER, World
from tests.support.plane import Plane, a_spec, a_task, a_uid

UID = a_uid(1)


@pytest.fixture
def world() -> World:
    """The agent of n1."""
    world = World()
    world.settle()
    return world


@pytest.fixture
def plane(world: World) -> Plane:
    """`web` runs on n1; n2 is there as well, and nobody acts for it."""
    plane = Plane(clock=world.clock, store=world.memory)
    plane.lead()
    spec = a_spec()
    wish = OnNodeLoss(after="10s")
    plane.add_task(a_task("web", UID, type(spec)(image=spec.image, args=list(FOREVER), on_node_loss=wish)))
    plane.settle(plane.scheduler, plane.tasks)
    world.settle()
    assert world.status(UID).state is TaskState.RUNNING
    plane.add_node("n2")
    return plane


def live(plane: Plane, seconds: float, agent: World | None = None) -> None:
    """Time passes; without `agent` the one of n1 is dead, or cut off."""
    for _ in range(int(seconds * 2)):
        plane.clock.advance(0.5)
        plane.elector.step()
        if agent:
            agent.settle()
        plane.settle(plane.scheduler, plane.tasks)


def leased(plane: Plane) -> bool:
    return plane.store.get(keys.node_lease("n1")) is not None


def test_killed_for_long_it_comes_back_and_removes_what_runs_elsewhere_by_now(world: World, plane: Plane) -> None:
    live(plane, 21)
    assert not leased(plane)
    assert plane.node_of("web") == "n2"
    assert world.running() == [f"ty-{UID}-1-1"], "nobody is there to stop it"
    world.boot()
    live(plane, 15, world)
    assert world.containers() == []
    assert plane.store.get(keys.status("n1", UID)) is None
    assert plane.node_of("web") == "n2"


def test_cut_off_for_long_the_same_agent_stops_it_once_it_is_back(world: World, plane: Plane) -> None:
    world.store.down = True
    live(plane, 25, world)
    assert plane.node_of("web") == "n2"
    assert world.running() == [f"ty-{UID}-1-1"], "losing etcd stops nothing"
    world.store.down = False
    live(plane, 30, world)
    assert world.containers() == []
    assert leased(plane)


def test_back_before_the_delay_is_over_it_keeps_the_container(world: World, plane: Plane) -> None:
    live(plane, 14)
    assert not leased(plane)
    assert plane.losses.now.lost.keys() == {"n1"}
    world.boot()
    live(plane, 60, world)
    assert plane.node_of("web") == "n1"
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status(UID).state is TaskState.RUNNING
