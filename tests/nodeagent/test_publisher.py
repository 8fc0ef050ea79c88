"""Statuses that wait for the store at one time go in one commit, and none suffers from another's."""

from __future__ import annotations

import pytest

from nodeagent.lanes import Lane
from taskyard import keys
from taskyard.objects import TaskState
from taskyard.store.api import Put
from tests.nodeagent.world import World

UIDS = tuple(f"0123456789a{index}" for index in range(5))


@pytest.fixture
def world() -> World:
    """Five tasks have come, and the lane to the store is busy."""
    made = World()
    made.settle()
    made.lanes.busy = {Lane.STORE}
    for uid in UIDS:
        made.assign(uid=uid)
    made.settle()
    assert len(made.lanes.queued) >= len(UIDS)
    made.lanes.busy = set()
    return made


def let(world: World) -> None:
    queued, world.lanes.queued = world.lanes.queued, []
    for work in queued:
        work()


def revisions(world: World) -> list[int]:
    found = [world.memory.get(keys.status(world.owner.node, uid)) for uid in UIDS]
    return [entry.mod_revision if entry else 0 for entry in found]


def states(world: World) -> set[TaskState]:
    return {world.status(uid).state for uid in UIDS}


def test_those_that_wait_go_in_one_commit(world: World) -> None:
    let(world)
    assert len(set(revisions(world))) == 1
    assert revisions(world)[0] > 0
    world.settle()
    assert states(world) == {TaskState.RUNNING}


def test_one_whose_assignment_has_changed_holds_up_none_of_the_others(world: World) -> None:
    key = keys.assignment(world.owner.node, UIDS[1])
    entry = world.memory.get(key)
    assert entry is not None
    world.memory.commit([], [Put(key, entry.value.replace(b'"name":"web"', b'"name":"api"'))])
    let(world)
    written = revisions(world)
    assert written[1] == 0
    assert all(written[:1] + written[2:])
    world.advance(5)
    assert states(world) == {TaskState.RUNNING}


def test_while_the_store_is_away_none_counts_as_written(world: World) -> None:
    world.store.down = True
    let(world)
    world.settle()
    assert revisions(world) == [0] * len(UIDS)
    assert world.running() == []
    world.store.down = False
    world.advance(10)
    assert states(world) == {TaskState.RUNNING}


def test_how_a_job_ended_is_recorded_though_others_wait_as_well() -> None:
    world = World()
    jobs = UIDS[:2]
    for uid in jobs:
        world.assign(uid=uid, result_of="sums", args=["true"], restart={"policy": "never"})
    world.settle()
    world.lanes.busy = {Lane.STORE}
    for name in world.running():
        world.runtime.kill(name, "SIGKILL")
    world.settle()
    assert len(world.lanes.queued) >= len(jobs)
    world.lanes.busy = set()
    let(world)
    assert all(world.memory.get(keys.result(uid)) for uid in jobs)
