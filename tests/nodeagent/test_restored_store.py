"""The store loses its data, or is restored from a backup, under an agent whose containers run."""

from __future__ import annotations

import msgspec
import pytest

from nodeagent.runtime.fake_program import Program
from taskyard import keys
from taskyard.objects import TaskState, TaskStatus, decode, encode
from taskyard.store.api import Put
from taskyard.store.memory import Backup, MemoryStore
from tests.nodeagent.world import UID, World

LATER = "ba9876543210"
BRIEF = ("brief",)


@pytest.fixture
def world() -> World:
    """With some history, so that a new store is behind the old one."""
    world = World(programs={BRIEF: Program(runs=20.0)})
    for _ in range(30):
        world.memory.commit([], [Put("else", b"where")])
    return world


def restore(world: World, backup: MemoryStore) -> None:
    world.memory = backup
    world.store.replace(backup)


def a_backup(world: World) -> MemoryStore:
    """All that is there now, at lower revisions."""
    backup = MemoryStore(world.clock)
    for entry in world.memory.list("/").entries:
        backup.commit([], [Put(entry.key, entry.value)])
    return backup


def test_a_store_that_was_wiped_costs_no_container(world: World) -> None:
    world.assign()
    world.advance(2.0)
    restore(world, MemoryStore(world.clock))
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert "StoreRestored" in world.events.reasons


def test_what_comes_back_with_the_backup_is_taken_up_again(world: World) -> None:
    world.assign()
    world.advance(2.0)
    backup = a_backup(world)
    restore(world, MemoryStore(world.clock))
    world.advance(5.0)
    restore(world, backup)
    world.advance(5.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status().state is TaskState.RUNNING
    world.assign(desired="Stopped")
    world.advance(15.0)
    assert world.containers() == []


def test_what_is_assigned_and_taken_away_after_a_restore_is_removed_as_ever(world: World) -> None:
    world.assign()
    world.advance(2.0)
    restore(world, MemoryStore(world.clock))
    world.advance(5.0)
    world.assign(uid=LATER)
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-1-1", f"ty-{LATER}-1-1"]
    world.unassign(LATER)
    world.assign(2)
    world.advance(15.0)
    assert world.running() == [f"ty-{UID}-2-1"]
    world.unassign()
    world.advance(15.0)
    assert world.containers() == []


def fill(world: World) -> None:
    """Puts the store's revision past that of any before it."""
    while world.memory.list("/").revision < 200:
        world.memory.commit([], [Put("else", b"where")])


@pytest.mark.parametrize("refilled", [pytest.param(False, id="empty"), pytest.param(True, id="in-use-again")])
def test_a_store_that_was_wiped_while_no_agent_was_here_costs_no_container(world: World, refilled: bool) -> None:
    world.assign()
    world.advance(2.0)
    restore(world, MemoryStore(world.clock))
    if refilled:
        fill(world)
    world.boot()
    world.assign(uid=LATER)
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1", f"ty-{LATER}-1-1"]
    assert world.events.reasons.count("StoreRestored") == 1
    world.boot()
    world.advance(15.0)
    assert world.running() == [f"ty-{LATER}-1-1"]


def test_a_backup_that_is_older_than_an_assignment_costs_no_container(world: World) -> None:
    world.assign()
    world.advance(2.0)
    backup = a_backup(world)
    world.assign(uid=LATER)
    world.advance(2.0)
    restore(world, backup)
    fill(world)
    world.boot()
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1", f"ty-{LATER}-1-1"]
    world.assign(desired="Stopped")
    world.advance(15.0)
    assert world.running() == [f"ty-{LATER}-1-1"]


def test_what_was_taken_away_while_no_agent_was_here_is_removed_as_ever(world: World) -> None:
    world.assign()
    world.assign(uid=LATER)
    world.advance(2.0)
    world.unassign()
    world.boot()
    world.advance(15.0)
    assert world.running() == [f"ty-{LATER}-1-1"]
    assert "StoreRestored" not in world.events.reasons


def test_a_new_agent_removes_what_the_store_does_not_know(world: World) -> None:
    """That is how a person says that the loss was meant."""
    world.assign()
    world.advance(2.0)
    restore(world, MemoryStore(world.clock))
    world.advance(5.0)
    world.boot()
    world.advance(15.0)
    assert world.containers() == []


def test_a_status_from_before_the_backup_is_written_anew(world: World) -> None:
    world.assign(args=BRIEF, restart={"policy": "never"})
    world.settle()
    backup = a_backup(world)
    world.advance(10.0)
    restore(world, backup)
    world.advance(5.0)
    assert world.status().state is TaskState.RUNNING
    world.advance(15.0)
    assert world.status().state is TaskState.COMPLETED


def test_a_status_that_went_back_with_the_store_is_written_anew(world: World) -> None:
    world.assign(args=BRIEF, restart={"policy": "never"})
    world.settle()
    backup = a_backup(world)
    world.advance(25.0)
    assert world.status().state is TaskState.COMPLETED
    restore(world, backup)
    world.advance(2.0)
    assert world.status().state is TaskState.COMPLETED


def test_a_store_that_is_past_where_it_was_costs_no_container_either(world: World) -> None:
    """It was wiped and filled again while the agent, which lives, was cut off."""
    world.assign()
    world.advance(2.0)
    restore(world, MemoryStore(world.clock))
    fill(world)
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert "StoreRestored" in world.events.reasons


def rewind(world: World, backup: Backup) -> None:
    restore(world, world.memory.restored(backup))


def test_what_was_stopped_after_the_backup_runs_again(world: World) -> None:
    world.assign()
    world.advance(2.0)
    backup = world.memory.backup()
    world.assign(desired="Stopped")
    world.advance(2.0)
    assert (world.running(), world.status().reason) == ([], "Stopped")
    rewind(world, backup)
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-1-2"]
    assert world.status().state is TaskState.RUNNING


def test_an_epoch_that_is_given_out_again_is_not_the_one_of_before(world: World) -> None:
    world.assign()
    world.advance(2.0)
    backup = world.memory.backup()
    world.assign(2, env={"VERSION": "lost"})
    world.advance(15.0)
    rewind(world, backup)
    made = world.assign(2, env={"VERSION": "kept"})
    world.advance(15.0)
    (found,) = (one for one in world.containers() if one.name in world.running())
    assert found.name.startswith(f"ty-{UID}-2-")
    assert found.labels["taskyard/spec-hash"] == made.spec_hash


def test_what_was_told_in_an_epoch_of_before_is_not_told_of_another_spec(world: World) -> None:
    backup = world.memory.backup()
    world.assign(2, env={"VERSION": "lost"})
    world.advance(2.0)
    rewind(world, backup)
    world.advance(2.0)
    told = world.memory.watch(keys.status("n1", UID), start_revision=world.memory.revision + 1)
    made = world.assign(2, env={"VERSION": "kept"})
    world.advance(15.0)
    events = [event for batch in iter(lambda: told.poll(0.0), None) for event in batch.events]
    news = [decode(event.entry.value, TaskStatus) for event in events if event.entry]
    running = [status for status in news if status.state is TaskState.RUNNING]
    assert running
    assert {status.container_id for status in running} == {world.status().container_id}
    found = world.runtime.inspect(world.status().container_id)
    assert found is not None
    assert found.labels["taskyard/spec-hash"] == made.spec_hash


def test_back_at_an_earlier_epoch_its_attempts_go_on_from_what_was_written(world: World) -> None:
    world.assign()
    world.advance(2.0)
    backup = world.memory.backup()
    world.assign(2)
    world.advance(15.0)
    rewind(world, backup)
    world.advance(15.0)
    assert (world.status().epoch, world.status().attempt) == (1, 2)
    assert world.running() == [f"ty-{UID}-1-2"]


def test_what_is_taken_away_after_a_restore_while_no_agent_is_here_is_removed(world: World) -> None:
    """Though nothing of this node was lost: the agent has marked the store anew."""
    world.assign()
    world.advance(2.0)
    backup = world.memory.backup()
    world.assign(uid=LATER)
    world.advance(2.0)
    world.unassign(LATER)
    world.advance(15.0)
    rewind(world, backup)
    world.advance(2.0)
    world.unassign()
    world.boot()
    world.advance(15.0)
    assert world.containers() == []


def test_a_singleton_is_not_kept(world: World) -> None:
    """The store may have it run elsewhere, and knows of no copy here that it would have to wait for."""
    world.assign(singleton=True)
    world.advance(2.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    restore(world, MemoryStore(world.clock))
    world.advance(15.0)
    assert world.running() == []


def test_what_another_host_wrote_in_this_nodes_name_is_not_taken_back(world: World) -> None:
    world.assign()
    world.advance(2.0)
    ours = world.status()
    theirs = msgspec.structs.replace(ours, attempt=2, restarts=1, container_name=f"ty-{UID}-1-2")
    world.memory.commit([], [Put(keys.status("n1", UID), encode(theirs))])
    world.advance(15.0)
    assert world.status().attempt == 3
    assert world.running() == [f"ty-{UID}-1-3"]
