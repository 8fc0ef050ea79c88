"""Two hosts that claim one node's name, each with a runtime of its own: only who holds the name may act for it."""

from __future__ import annotations

import pytest

from nodeagent.runtime.fake_program import Program
from taskyard import keys
from tests.nodeagent.world import UID, World

ONCE = ("once",)
PROGRAMS: dict[tuple[str, ...], Program] = {ONCE: Program(runs=3.0, exit_code=4)}


def another_host(world: World, host_id: str = "host-2") -> World:
    """With the same name, store and clock, and no containers yet."""
    other = World(clock=world.clock, programs=PROGRAMS)
    other.store, other.memory = world.store, world.memory
    other.boot(host_id=host_id)
    return other


@pytest.fixture
def world() -> World:
    return World(programs=PROGRAMS)


def test_a_host_that_claims_a_held_name_runs_nothing(world: World) -> None:
    world.assign()
    world.advance(2.0)
    writes = world.status_writes()
    other = another_host(world)
    for _ in range(8):
        other.advance(2.0)
        world.settle()
    assert other.registration.held_by
    assert other.containers() == []
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status_writes() == writes


def test_a_host_that_lost_its_name_restarts_nothing(world: World) -> None:
    world.assign(args=ONCE)
    world.advance(1.0)
    world.store.down = True
    world.advance(20.0)
    world.store.down = False
    other = another_host(world)
    other.advance(5.0)
    world.advance(1.0)
    assert world.registration.held_by
    calls = len(world.runtime.calls)
    for _ in range(10):
        other.settle()
        world.advance(2.0)
    assert not [call for call in world.runtime.calls[calls:] if call.startswith(("create", "start"))]


def test_a_name_that_comes_free_is_taken_and_its_tasks_are_run(world: World) -> None:
    world.assign()
    world.advance(2.0)
    other = another_host(world)
    other.advance(3.0)
    world.registration.leave()
    other.advance(15.0)
    assert [name.rsplit("-", 1)[0] for name in other.running()] == [f"ty-{UID}-1"]


def test_of_two_copies_of_one_host_the_later_runs_alone(world: World) -> None:
    """A cloned machine has the other's identity too: it takes the name over, and the first has to let go of it."""
    world.advance(2.0)
    clone = another_host(world, host_id="host-1")
    clone.registration.step()
    world.settle()
    writes = world.memory.get(keys.node_lease("n1"))
    world.assign()
    for _ in range(8):
        clone.advance(2.0)
        world.settle()
    now = world.memory.get(keys.node_lease("n1"))
    assert now == writes, "they take the name from each other all the time"
    assert (world.running(), clone.running()) == ([], [f"ty-{UID}-1-1"])
