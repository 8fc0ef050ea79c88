"""The store loses its data, or is restored from a backup, under an agent whose containers run."""

from __future__ import annotations

import pytest

from nodeagent.runtime.fake import Program
from taskyard.objects import TaskState
from taskyard.store.api import Put
from taskyard.store.memory import MemoryStore
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
    world.store.inner = world.memory = backup


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
