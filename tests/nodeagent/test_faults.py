"""The agent's loop when something breaks: killed between any two effects, the store or the runtime away, deposed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from nodeagent.publisher import StoreWeather
from nodeagent.runtime.fake_program import Program
from taskyard import keys
from taskyard.objects import NodeLease, TaskState, decode
from taskyard.store.api import Delete
from tests.nodeagent.world import UID, Crash, Fuse, World

ONCE = ("once",)
STUBBORN = ("stubborn",)
PROGRAMS = {
    ONCE: Program(runs=3.0, exit_code=4),
    STUBBORN: Program(ignores=frozenset({"SIGTERM"})),
}


def start(world: World) -> None:
    world.assign()
    world.advance(25.0)


def restart_after_an_exit(world: World) -> None:
    world.assign(args=ONCE)
    world.advance(8.0)


def replace_by_a_new_epoch(world: World) -> None:
    world.assign(args=STUBBORN)
    world.advance(1.0)
    world.assign(2)
    world.advance(25.0)


def stop(world: World) -> None:
    world.assign()
    world.advance(1.0)
    world.assign(desired="Stopped")
    world.advance(25.0)


def unassign(world: World) -> None:
    world.assign(args=STUBBORN)
    world.advance(1.0)
    world.unassign()
    world.advance(25.0)


def check_start(world: World) -> None:
    assert world.running() == [f"ty-{UID}-1-1"]
    assert (world.status().state, world.status().attempt, world.status().restarts) == (TaskState.RUNNING, 1, 0)


def check_restart(world: World) -> None:
    """It runs 3 s and waits 1, then 2 s: attempts end at 3 and 7 s; the crash may have cost a little."""
    status = world.status()
    assert status.last_exit is not None
    assert status.last_exit.exit_code == 4
    assert status.attempt == status.last_exit.attempt + 1 == 3
    assert status.restarts == 2


def check_replacement(world: World) -> None:
    assert world.running() == [f"ty-{UID}-2-1"]
    assert (world.status().epoch, world.status().state) == (2, TaskState.RUNNING)
    assert [one.name for one in world.containers()] == [f"ty-{UID}-2-1"]


def check_stop(world: World) -> None:
    assert world.containers() == []
    assert (world.status().state, world.status().reason) == (TaskState.COMPLETED, "Stopped")


def check_unassigned(world: World) -> None:
    assert world.containers() == []
    assert world.memory.get(keys.status("n1", UID)) is None


@pytest.mark.parametrize("after", [pytest.param(False, id="before"), pytest.param(True, id="after")])
@pytest.mark.parametrize(
    ("play", "check"),
    [
        pytest.param(start, check_start, id="start"),
        pytest.param(restart_after_an_exit, check_restart, id="restart"),
        pytest.param(replace_by_a_new_epoch, check_replacement, id="new-epoch"),
        pytest.param(stop, check_stop, id="stop"),
        pytest.param(unassign, check_unassigned, id="unassign"),
    ],
)
def test_killed_at_any_effect(play: Callable[[World], None], check: Callable[[World], None], after: bool) -> None:
    """The agent dies right before or after its n-th effect, for every n there is, and a new one takes over.

    A grace period that was running starts anew with the new agent: 10 s more at most.
    """
    for at in itertools.count(1):
        world = World(programs=PROGRAMS)
        fuse = Fuse(at, after)
        world.store.fuse = world.runtime.fuse = fuse
        survivor = Survivor(world)
        play(survivor)
        assert most_running_at_once(survivor) <= 1, f"two ran at once after a crash at effect {at}"
        check(world)
        if fuse.count < at:
            assert at > 3, "there was hardly anything to crash at"
            return


class Survivor(World):
    """Acts as the world that it wraps, whose agent is booted anew when it crashes."""

    def __init__(self, world: World) -> None:
        self.__dict__ = world.__dict__
        self.most = 0

    def settle(self, rounds: int = 30) -> None:
        try:
            super().settle(rounds)
        except Crash:
            self.boot()
            super().settle(rounds)
        self.most = max(self.most, len(self.running()))


def most_running_at_once(world: Survivor) -> int:
    return world.most


@pytest.fixture
def world() -> World:
    return World(programs=PROGRAMS)


def test_an_exit_while_the_agent_was_down_is_recorded_with_its_time(world: World) -> None:
    world.assign(args=ONCE, restart={"policy": "never"})
    world.settle()
    started = world.clock.now()
    world.clock.advance(500.0)
    world.boot()
    world.settle()
    status = world.status()
    assert (status.state, status.exit_code) == (TaskState.FAILED, 4)
    assert status.finished_at == world.status().finished_at
    assert world.containers()[0].finished_at == started + 3.0


def test_an_assignment_that_went_while_the_agent_was_down_takes_its_container_along(world: World) -> None:
    world.assign()
    world.settle()
    world.unassign()
    world.boot()
    world.settle()
    assert world.containers() == []


def test_a_new_agent_adopts_without_restarting_or_writing(world: World) -> None:
    world.assign()
    world.advance(3.0)
    before, writes = world.containers(), world.status_writes()
    world.boot()
    world.advance(3.0)
    assert world.containers() == before
    assert world.status_writes() == writes


@pytest.mark.parametrize("how", ["down", "full"])
def test_restarts_go_on_while_the_store_is_away_and_are_written_when_it_is_back(world: World, how: str) -> None:
    world.assign(args=ONCE)
    world.advance(1.0)
    setattr(world.store, how, True)
    world.advance(30.0)
    assert world.status().attempt == 1
    attempts = max(int(one.name.rsplit("-", 1)[1]) for one in world.containers())
    assert attempts == 5
    setattr(world.store, how, False)
    world.advance(6.0)
    assert world.status().attempt >= attempts
    assert world.status().restarts == world.status().attempt - 1


def test_an_exit_while_the_store_is_away_is_written_for_each_task(world: World) -> None:
    """Also for those whose report came up while the store was known to be away, and was not even tried."""
    uids = [f"{number:012x}" for number in range(3)]
    for uid in uids:
        world.assign(uid=uid, args=ONCE, restart={"policy": "never"})
    world.advance(1.0)
    world.store.down = True
    world.advance(3.0)
    world.store.down = False
    world.advance(10.0)
    assert {world.status(uid).state for uid in uids} == {TaskState.FAILED}


def test_a_first_start_waits_for_the_store(world: World) -> None:
    world.settle()
    world.assign()
    world.informer.pump(0)
    world.store.down = True
    world.advance(30.0)
    assert world.containers() == []
    world.store.down = False
    world.advance(10.0)
    check_start(world)


def test_a_start_that_cannot_be_confirmed_is_tried_again_soon_and_without_a_look(world: World) -> None:
    world.settle()
    world.assign()
    for _ in range(5):
        world.store.fail("get", "unreachable")
    world.advance(0.9)
    assert not any(call.startswith(("inspect", "start")) for call in world.runtime.calls)
    world.advance(0.2)
    assert world.running() == [f"ty-{UID}-1-1"]


def test_a_lost_answer_to_a_status_write_does_no_harm(world: World) -> None:
    world.settle()
    world.assign()
    world.store.fail("commit", "answer lost")
    world.advance(5.0)
    check_start(world)


@pytest.mark.parametrize("how", ["hangs", "answers lost"])
def test_a_runtime_that_does_not_answer_is_waited_for(world: World, how: str) -> None:
    world.settle()
    world.runtime.break_down("hangs" if how == "hangs" else "answers lost")
    world.assign()
    world.advance(20.0)
    world.runtime.break_down("")
    world.advance(40.0)
    check_start(world)


def test_a_deposed_agent_cannot_write(world: World) -> None:
    """Its lease expired while it was cut off, and another host took the name: its report comes too late."""
    world.assign()
    world.settle()
    before = world.status()
    world.store.down = True
    world.clock.advance(15.0)
    other = World(clock=world.clock)
    other.store, other.memory = world.store, world.memory
    world.store.down = False
    mine = world.registration, world.agent, world.informer, world.queue, world.view
    world.boot(host_id="host-2")
    world.registration.step()
    world.registration, world.agent, world.informer, world.queue, world.view = mine
    world.runtime.remove(f"ty-{UID}-1-1", force=True)
    world.advance(3.0)
    assert world.status() == before
    assert world.registration.held_by


def test_a_lease_that_was_lost_is_taken_again(world: World) -> None:
    world.settle()
    world.store.down = True
    world.clock.advance(20.0)
    world.store.down = False
    assert world.memory.get(keys.node_lease("n1")) is None
    world.advance(2.0)
    entry = world.memory.get(keys.node_lease("n1"))
    assert entry is not None
    assert decode(entry.value, NodeLease).host_id == "host-1"
    world.assign()
    world.advance(2.0)
    check_start(world)


def test_a_registration_that_somebody_deleted_is_written_again(world: World) -> None:
    world.settle()
    world.memory.commit([], [Delete(keys.node_lease("n1"))])
    world.settle()
    world.settle()
    assert world.memory.get(keys.node_lease("n1")) is not None
    world.assign()
    world.advance(2.0)
    check_start(world)


def test_a_removed_container_during_a_stop_is_fine(world: World) -> None:
    world.assign(args=STUBBORN)
    world.settle()
    world.assign(args=STUBBORN, desired="Stopped")
    world.settle()
    world.runtime.remove(f"ty-{UID}-1-1", force=True)
    world.advance(1.0)
    check_stop(world)


def test_a_container_that_somebody_starts_again_during_its_removal_is_stopped_too(world: World) -> None:
    world.assign(args=ONCE, restart={"policy": "never"})
    world.advance(5.0)
    world.runtime.start(f"ty-{UID}-1-1")
    world.unassign()
    world.informer.pump(0)
    world.agent.reconcile(0)
    world.advance(25.0)
    check_unassigned(world)


def test_an_old_epoch_cannot_write(world: World) -> None:
    """The assignment has moved on, and the agent has not heard of it yet when it tries to report."""
    world.assign()
    world.settle()
    before = world.status()
    world.assign(2)
    world.runtime.remove(f"ty-{UID}-1-1", force=True)
    world.agent.look_around()
    for _ in range(10):
        world.agent.reconcile(0)
    assert world.status() == before
    world.advance(2.0)
    assert (world.status().epoch, world.status().state) == (2, TaskState.RUNNING)


@pytest.mark.parametrize(
    "change", [pytest.param(World.unassign, id="gone"), pytest.param(lambda world: world.assign(2), id="superseded")]
)
def test_what_is_not_wanted_any_more_once_created_is_not_started(
    world: World, change: Callable[[World], object]
) -> None:
    def happen() -> None:
        world.runtime.meanwhile = []
        change(world)

    world.settle()
    world.runtime.meanwhile = [happen]
    world.assign()
    first = f"{1:064x}"
    world.advance(3.0)
    assert f"start {first}" not in world.runtime.calls
    assert f"ty-{UID}-1-1" not in [one.name for one in world.containers()]


class Clearing(StoreWeather):
    """Bad while it is decided (twice: first comes the intent), fair from then on."""

    looks = 0

    def fair(self) -> bool:
        self.looks += 1
        return self.looks > 2


def test_a_status_is_written_although_the_store_came_back_just_after_the_decision(world: World) -> None:
    world.settle()
    world.assign()
    world.informer.pump(0)
    world.agent._parts = replace(world.agent._parts, weather=Clearing(world.clock))
    world.agent.reconcile(0)
    world.advance(2.0)
    check_start(world)


def test_a_status_write_that_arrives_late_does_not_turn_time_back(world: World) -> None:
    """It was given up for lost and what came after it is written: only then it arrives."""
    world.settle()
    world.assign(args=ONCE, restart={"policy": "never"})
    world.informer.pump(0)
    world.agent.reconcile(0)
    world.store.fail("commit", "request late")
    world.advance(10.0)
    assert world.status().state is TaskState.FAILED
    world.store.deliver()
    assert world.status().state is TaskState.FAILED


def test_nothing_is_remembered_of_a_task_that_left_before_it_began(world: World) -> None:
    world.settle()
    world.assign()
    world.informer.pump(0)
    world.unassign()
    world.agent.reconcile(0)
    assert world.queue.failing(UID)
    world.advance(2.0)
    assert not world.queue.failing(UID)
    assert world.agent._memories == {}
