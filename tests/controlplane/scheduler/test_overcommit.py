"""Room that may be taken stays taken, whatever the scheduler does not know just then: nothing is given out twice."""

from __future__ import annotations

import msgspec
import pytest

from controlplane.cluster import Demand
from controlplane.placement import SnapshotKeeper
from controlplane.scheduler.assumed import Assumptions
from controlplane.scheduler.bindings import Target, propose, standing_of
from controlplane.scheduler.scheduler import Room
from taskyard.clock import ManualClock
from taskyard.keys import NamedKey
from taskyard.objects import TaskState
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.plane import GI, MI, Plane, a_spec, a_task, a_uid


@pytest.fixture
def plane() -> Plane:
    """One node with room for one of the tasks."""
    clock = ManualClock()
    plane = Plane(clock=clock, store=FaultyStore(MemoryStore(clock)))
    plane.add_node("n1", memory=GI)
    plane.lead()
    return plane


def want(plane: Plane, name: str, number: int) -> None:
    plane.add_task(a_task(name, a_uid(number), a_spec(memory="600Mi"), created=float(number)))


def bound(plane: Plane, *names: str) -> list[str]:
    return [name for name in names if plane.node_of(name)]


def step_often(plane: Plane) -> None:
    """Also between the retries of those that failed, as when other tasks come and go; the watch is not back yet."""
    for _ in range(20):
        plane.clock.advance(0.02)
        plane.scheduler.queue.add(Room.SOME)
        plane.scheduler.step()


def faulty(plane: Plane) -> FaultyStore:
    assert isinstance(plane.store, FaultyStore)
    return plane.store


def test_a_moment_of_doubt_about_leading_forgets_no_binding(plane: Plane) -> None:
    """The lease was renewed in time, but late: the term goes on, and so does what was bound in it and not seen yet."""
    want(plane, "a", 1)
    want(plane, "b", 2)
    plane.pump()
    faulty(plane).fail("commit", "answer lost")
    plane.scheduler.step()
    plane.clock.advance(9.5)
    plane.scheduler.step()
    assert not plane.scheduler.leading
    plane.elector.step()
    # The watch has not come back yet.
    step_often(plane)
    assert bound(plane, "a", "b") == ["a"]
    plane.settle(plane.scheduler)
    assert bound(plane, "a", "b") == ["a"]


def test_a_binding_that_was_changed_before_it_was_known_keeps_its_room(plane: Plane) -> None:
    want(plane, "a", 1)
    want(plane, "b", 2)
    plane.pump()
    faulty(plane).fail("commit", "answer lost")
    plane.scheduler.step()
    task = plane.task("a")
    plane.add_task(msgspec.structs.replace(task, spec=msgspec.structs.replace(task.spec, image="busybox:1.36")))
    step_often(plane)
    assert bound(plane, "a", "b") == ["a"]
    for _ in range(20):
        plane.clock.advance(0.1)
        plane.settle(plane.scheduler)
    assert bound(plane, "a", "b") == ["a"]
    assert plane.task("a").binding != task.binding


def test_a_binding_in_doubt_that_could_not_be_asked_about_again_keeps_its_room() -> None:
    clock = ManualClock()
    store = FaultyStore(MemoryStore(clock))
    plane = Plane(clock=clock, store=store)
    plane.add_node("n1", memory=100 * GI)
    names = [f"t{number:02}" for number in range(101)]
    for number, name in enumerate(names):
        plane.add_task(a_task(name, a_uid(number), a_spec(memory="1Gi"), created=float(number)))
    plane.lead()
    store.fail("commit", "answer lost")  # of the first 63; the other 37 are not tried
    plane.scheduler.step()
    clock.advance(0.2)
    store.fail("commit", "request lost")  # of the 63 again
    store.fail("commit", "answer lost")  # of the 37
    plane.scheduler.step()
    assert bound(plane, *names) == names[:100]
    plane.scheduler.queue.add(Room.SOME)
    store.fail("commit", "request lost")  # of the 63 once more: the 37 are not asked about
    step_often(plane)
    assert bound(plane, *names) == names[:100]
    for _ in range(20):
        clock.advance(0.1)
        plane.settle(plane.scheduler)
    assert bound(plane, *names) == names[:100]


def test_the_end_of_a_version_gives_no_room_away_that_the_next_one_has_already(plane: Plane) -> None:
    """It was bound anew where it is, which took nothing more; the news of the end come before those of the binding."""
    want(plane, "a", 1)
    plane.settle(plane.scheduler)
    plane.report("a", TaskState.RUNNING)
    plane.pump()
    record = plane.cache.tasks[NamedKey("default", "a")]
    assumed = Assumptions()
    assumed.expect(propose(standing_of(plane.cache, record), Target("n1", 1), Demand(), unread=0, at=""))
    keeper = SnapshotKeeper(plane.cache)
    assert assumed.over(keeper.take()).nodes["n1"].memory == 424 * MI
    plane.report("a", TaskState.COMPLETED)
    plane.pump()
    assumed.recharge(plane.cache)
    assert assumed.over(keeper.take()).nodes["n1"].memory == 424 * MI
