"""A task goes where the data of its volumes is, and waits for that, until somebody gives it up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import (
    Metadata,
    NamedVolume,
    NamedVolumeSpec,
    NodeSpec,
    TaskState,
    Volume,
    decode,
)
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid

DATA = ObjectKey("Volume", "default", "data")


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1", memory=2 * GI)
    plane.add_node("n2", memory=8 * GI)
    return plane


def run(plane: Plane, seconds: float = 0.0) -> None:
    plane.settle(plane.scheduler, plane.tasks, plane.volumes)
    if seconds:
        plane.live(seconds)
        plane.settle(plane.scheduler, plane.tasks, plane.volumes)


def add(plane: Plane, number: int, name: str, *, memory: str = "64Mi", on: str = "", **of_volume: object) -> None:
    volume = Volume(target="/data", name="data", **of_volume)  # type: ignore[arg-type]
    spec = a_spec(memory=memory, selector={"at": on} if on else {})
    plane.add_task(a_task(name, a_uid(number), replace(spec, volumes=[volume])))
    run(plane)


def on_record(plane: Plane) -> str:
    entry = plane.store.get(keys.object_key(DATA))
    return decode(entry.value, NamedVolume).spec.node if entry else ""


def put_record(plane: Plane, node: str) -> None:
    value = NamedVolume(metadata=Metadata(name="data", uid=a_uid(99)), spec=NamedVolumeSpec(node=node))
    plane.put(keys.object_key(DATA), value)
    run(plane)


def why(plane: Plane, name: str) -> str:
    plane.pump()
    return PendingReasons(plane.cache, plane.clock)(plane.cache.tasks[NamedKey("default", name)]).message


def end(plane: Plane, name: str) -> None:
    task = plane.task(name)
    plane.add_task(replace(task, metadata=replace(task.metadata, deletion_timestamp="2026-11-22T20:57:48.123Z")))
    run(plane)
    plane.report(name, TaskState.COMPLETED)
    run(plane)
    assert plane.store.get(keys.task("default", name)) is None


def test_it_waits_while_nobody_can_read_where_its_data_is_and_then_goes_there(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"at": "first"}))
    add(plane, 1, "first", on="first")
    end(plane, "first")
    plane.put(keys.object_key(DATA), b"{")
    add(plane, 2, "second", memory="1Gi")
    run(plane, 1.0)
    assert plane.node_of("second") == ""
    (event,) = plane.told("RecordUnreadable")
    assert event.message == why(plane, "second")
    assert f"data of volume data is, as its record {keys.object_key(DATA)} cannot be read" in event.message
    assert "put a valid value there, or delete that key" in event.message
    put_record(plane, "n1")
    assert plane.node_of("second") == "n1"


def test_on_a_lost_node_it_waits_while_nobody_can_read_where_its_data_is(plane: Plane) -> None:
    add(plane, 1, "only")
    plane.report("only", TaskState.RUNNING)
    lost = plane.node_of("only")
    plane.put(keys.object_key(DATA), b"{")
    plane.delete(keys.node_lease(lost))
    run(plane, 120.0)
    assert plane.node_of("only") == lost
    found = plane.losses.outlook(plane.cache.tasks[NamedKey("default", "only")])
    assert found is not None
    assert f"{keys.object_key(DATA)} cannot be read" in found.message
    plane.delete(keys.object_key(DATA))
    run(plane, 120.0)
    assert plane.node_of("only") not in ("", lost)


def test_a_later_task_goes_where_the_data_is_though_the_other_node_is_better(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"at": "first"}))
    add(plane, 1, "first", on="first")
    assert (plane.node_of("first"), on_record(plane)) == ("n1", "n1")
    end(plane, "first")
    assert on_record(plane) == "n1"
    add(plane, 2, "second", memory="1Gi")
    assert plane.node_of("second") == "n1"


def test_it_waits_for_room_there_and_says_so(plane: Plane) -> None:
    put_record(plane, "n1")
    add(plane, 1, "large", memory="3Gi")
    assert plane.node_of("large") == ""
    assert "1 without the data of its volumes (n2 volume data is on n1)" in why(plane, "large")
    assert "1 too little memory (n1 needs 1Gi more)" in why(plane, "large")
    plane.add_node("n1", memory=4 * GI)
    run(plane)
    assert plane.node_of("large") == "n1"


def test_tasks_of_one_batch_that_share_a_new_volume_meet_on_one_node(plane: Plane) -> None:
    for number in range(1, 4):
        spec = replace(a_spec(memory="1Gi"), volumes=[Volume(target="/data", name="data")])
        plane.add_task(a_task(f"t{number}", a_uid(number), spec))
    run(plane)
    assert {plane.node_of(f"t{number}") for number in range(1, 4)} == {"n2"}


def test_a_task_on_a_lost_node_waits_for_its_data_until_that_is_given_up(plane: Plane) -> None:
    put_record(plane, "n1")
    add(plane, 1, "db")
    plane.delete(keys.node_lease("n1"))
    run(plane, 30)
    assert plane.node_of("db") == "n1"
    plane.delete(keys.object_key(DATA))
    run(plane, 1)
    assert (plane.node_of("db"), on_record(plane)) == ("n2", "n2")


def test_one_that_is_not_pinned_leaves_a_lost_node_at_once(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"at": "first"}))
    put_record(plane, "n1")
    add(plane, 1, "cache", pinned=False)
    assert plane.node_of("cache") == "n2"
    plane.delete(keys.node_lease("n2"))
    run(plane, 30)
    assert plane.node_of("cache") == "n1"


def test_a_record_that_is_changed_lets_those_that_wait_go_where_the_data_was_copied(plane: Plane) -> None:
    put_record(plane, "gone")
    add(plane, 1, "db")
    assert plane.node_of("db") == ""
    put_record(plane, "n1")
    assert plane.node_of("db") == "n1"


def test_data_that_is_removed_with_its_task_is_not_on_record_any_more(plane: Plane) -> None:
    add(plane, 1, "scratch", on_delete="remove")
    assert on_record(plane) == plane.node_of("scratch") != ""
    end(plane, "scratch")
    assert on_record(plane) == ""


def test_a_task_that_used_what_another_made_takes_nothing_along(plane: Plane) -> None:
    add(plane, 1, "first")
    add(plane, 2, "second", on_delete="remove")
    end(plane, "second")
    assert on_record(plane) == plane.node_of("first")
