"""Images that take their time to come: nothing else waits for them, and the version before runs until they are here."""

from __future__ import annotations

import pytest

from nodeagent.runtime.fake_program import Program
from taskyard.objects import TaskState
from tests.nodeagent.world import UID, World

NEW = "registry/app:2"
OTHER = "registry/other:1"
STUBBORN = ("stubborn",)


@pytest.fixture
def world() -> World:
    """A pull takes a minute, and two may go on at once."""
    world = World(pull_takes=60.0, programs={STUBBORN: Program(ignores=frozenset({"SIGTERM"}))})
    world.runtime.registry |= {NEW, OTHER}
    return world


def pulls(world: World) -> list[str]:
    return [call.removeprefix("pull ") for call in world.runtime.calls if call.startswith("pull ")]


def why(world: World, uid: str = UID) -> tuple[TaskState, str]:
    return world.status(uid).state, world.status(uid).reason


def test_what_happens_is_told(world: World) -> None:
    world.assign(image=NEW)
    world.settle()
    assert why(world) == (TaskState.STARTING, "Pulling")
    assert world.status().message == f"fetching image {NEW}"
    world.advance(61.0)
    assert why(world) == (TaskState.RUNNING, "")
    assert [reason for reason in world.events.reasons if reason.startswith("Pull")] == ["Pulling", "Pulled"]
    assert f"fetched image {NEW} in 1m" in world.events.messages


def test_a_task_is_deleted_while_its_image_is_fetched(world: World) -> None:
    world.assign(image=NEW)
    world.advance(5.0)
    world.assign(image=NEW, desired="Stopped")
    world.settle()
    assert why(world) == (TaskState.COMPLETED, "Stopped")
    world.unassign()
    world.advance(120.0)
    assert world.containers() == []
    assert NEW not in world.runtime.images


def test_a_new_spec_does_not_wait_for_the_image_of_the_old_one(world: World) -> None:
    world.assign(image=NEW)
    world.advance(5.0)
    world.assign(2)
    world.settle()
    assert world.running() == [f"ty-{UID}-2-1"]
    world.advance(120.0)
    assert (world.status().epoch, world.status().state, world.status().restarts) == (2, TaskState.RUNNING, 0)


def test_a_new_spec_with_the_same_image_goes_on_waiting_for_it(world: World) -> None:
    world.assign(image=NEW)
    world.advance(30.0)
    world.assign(2, image=NEW, env={"A": "b"})
    world.advance(31.0)
    assert world.running() == [f"ty-{UID}-2-1"]
    assert pulls(world) == [NEW]


def test_an_image_is_fetched_once_for_all(world: World) -> None:
    uids = [f"{number:012x}" for number in range(5)]
    for uid in uids:
        world.assign(uid=uid, image=NEW, pullPolicy="Always")
    world.advance(10.0)
    world.unassign(uids[0])
    world.advance(51.0)
    assert world.running() == [f"ty-{uid}-1-1" for uid in uids[1:]]
    assert pulls(world) == [NEW]


def test_two_are_fetched_at_once_and_the_next_waits(world: World) -> None:
    images = [f"registry/app:{number}" for number in range(3)]
    world.runtime.registry |= set(images)
    for number, image in enumerate(images):
        world.assign(uid=f"{number:012x}", image=image)
    world.advance(61.0)
    assert len(world.running()) == 2
    world.advance(60.0)
    assert len(world.running()) == 3


def test_pulls_that_were_given_up_make_room(world: World) -> None:
    for number in range(2):
        world.runtime.registry.add(f"registry/slow:{number}")
        world.assign(uid=f"{number:012x}", image=f"registry/slow:{number}")
    world.advance(1.0)
    for number in range(2):
        world.unassign(f"{number:012x}")
    world.assign(image=NEW)
    world.advance(62.0)
    assert world.running() == [f"ty-{UID}-1-1"]


def test_pulls_that_were_given_up_and_do_not_end_are_not_without_number(world: World) -> None:
    for number in range(20):
        world.runtime.registry.add(f"registry/slow:{number}")
        world.assign(uid=f"{number:012x}", image=f"registry/slow:{number}")
        world.settle()
        world.unassign(f"{number:012x}")
        world.settle()
    assert world.lanes.going == 4


@pytest.mark.parametrize("policy", ["IfNotPresent", "Always"])
def test_the_version_before_runs_until_the_new_image_is_here(world: World, policy: str) -> None:
    world.assign(1)
    world.settle()
    world.assign(2, image=NEW, pullPolicy=policy)
    world.advance(59.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert (world.status().epoch, *why(world)) == (2, TaskState.STARTING, "Pulling")
    assert world.status().message == f"fetching image {NEW}; the version before it runs on"
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-2-1"]
    assert pulls(world) == [NEW]


def test_an_image_that_is_here_costs_no_word_before_the_stop(world: World) -> None:
    world.assign(1, args=STUBBORN)
    world.settle()
    written = world.status_writes()
    world.assign(2)
    world.advance(5.0)
    assert world.status_writes() == written
    assert world.running() == [f"ty-{UID}-1-1"]


def test_an_image_that_cannot_be_had_leaves_the_version_before_running(world: World) -> None:
    world.assign(1)
    world.settle()
    world.assign(2, image="nowhere/x:1")
    world.advance(200.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert why(world) in ((TaskState.STARTING, "ImagePullBackOff"), (TaskState.STARTING, "Pulling"))
    world.assign(3)
    world.settle()
    assert world.running() == [f"ty-{UID}-3-1"]


def test_a_new_agent_waits_out_the_backoff_and_then_fetches_on(world: World) -> None:
    world.runtime.registry.clear()
    world.assign(image=NEW, restart={"backoff": {"initial": "5m", "max": "5m"}})
    world.advance(61.0)
    assert why(world) == (TaskState.STARTING, "ImagePullBackOff")
    world.runtime.registry.add(NEW)
    world.boot()
    world.advance(290.0)
    assert pulls(world) == [NEW]
    world.boot()
    world.advance(15.0)
    assert why(world) == (TaskState.STARTING, "Pulling")
    world.boot()
    world.advance(61.0)
    assert world.running() == [f"ty-{UID}-1-1"]


def test_a_runtime_that_does_not_answer_a_pull_is_asked_again_with_backoff(world: World) -> None:
    world.assign(image=NEW)
    world.advance(59.5)
    world.runtime.break_down("hangs")
    world.advance(1.0)
    world.runtime.break_down("")
    world.settle()
    assert why(world) == (TaskState.STARTING, "ImagePullBackOff")
    world.advance(62.0)
    assert world.running() == [f"ty-{UID}-1-1"]
