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


def jobs_that_have_ended() -> World:
    """Two, of which nothing is written yet."""
    world = World()
    for uid in UIDS[:2]:
        world.assign(uid=uid, result_of="sums", args=["true"], restart={"policy": "never"})
    world.settle()
    world.lanes.busy = {Lane.STORE}
    for name in world.running():
        world.runtime.kill(name, "SIGKILL")
    world.settle()
    assert len(world.lanes.queued) >= len(UIDS[:2])
    world.lanes.busy = set()
    return world


def test_how_jobs_ended_is_recorded_in_one_commit() -> None:
    world = jobs_that_have_ended()
    let(world)
    results = [world.memory.get(keys.result(uid)) for uid in UIDS[:2]]
    assert all(results)
    assert len({entry.mod_revision for entry in results if entry}) == 1


def test_a_result_that_is_there_holds_up_no_other() -> None:
    world = jobs_that_have_ended()
    first, second = UIDS[:2]
    stands = b"somebody was first"
    world.memory.commit([], [Put(keys.result(first), stands)])
    let(world)
    world.settle()
    left = world.memory.get(keys.result(first))
    assert left is not None
    assert left.value == stands
    assert world.memory.get(keys.result(second)) is not None
    assert {world.status(uid).state for uid in (first, second)} == {TaskState.FAILED}
