"""How many are left of those with a task's labels (`minAvailable`) where others are stopped for more important ones."""

from __future__ import annotations

import msgspec
import pytest

from taskyard import keys
from taskyard.objects import Task, TaskState
from tests.controlplane.scheduler.crowded import add, plane_with
from tests.support.plane import a_spec, a_task, a_uid


def test_one_that_runs_again_where_it_was_stopped_is_counted_among_those_that_are_left() -> None:
    plane = plane_with()
    for number in range(1, 3):
        spec = msgspec.structs.replace(a_spec(memory="2Gi"), min_available=1)
        plane.add_task(a_task(f"db{number}", a_uid(number), spec))
        plane.live(1)
        plane.report(f"db{number}", TaskState.RUNNING)
    add(plane, 3, "urgent", "2Gi", priority=10)
    first = plane.assignment("n1", a_uid(1))
    stopped = 1 if first is not None and first.desired == "Stopped" else 2
    plane.delete(keys.task("default", "urgent"))
    plane.report(f"db{stopped}", TaskState.COMPLETED)
    plane.live(1)
    held = plane.assignment("n1", a_uid(stopped))
    assert held is not None
    assert (held.epoch, held.desired) == (2, "Running")
    plane.report(f"db{stopped}", TaskState.RUNNING)
    add(plane, 4, "next", "2Gi", priority=10)
    found = [plane.assignment("n1", a_uid(number)) for number in (1, 2)]
    assert sorted(held.desired for held in found if held is not None) == ["Running", "Stopped"]


def test_what_does_not_run_yet_or_is_being_stopped_is_not_counted_among_those_that_are_left() -> None:
    plane, spec = plane_with(), msgspec.structs.replace(a_spec(memory="1Gi"), min_available=2)
    for number in range(1, 4):
        plane.add_task(a_task(f"db{number}", a_uid(number), spec))
        plane.live(1)
        plane.report(f"db{number}", TaskState.RUNNING if number < 3 else TaskState.STARTING)
    add(plane, 4, "urgent", "2Gi", priority=10)

    def left() -> list[str]:
        found = [plane.assignment("n1", a_uid(number)) for number in range(1, 4)]
        return sorted(held.desired for held in found if held is not None)

    plane.live(15)
    assert left() == ["Running", "Running", "Running"]
    plane.report("db3", TaskState.RUNNING)
    plane.live(10)
    add(plane, 5, "next", "1Gi", priority=10)
    plane.live(5)
    assert left() == ["Running", "Running", "Stopped"]


@pytest.mark.parametrize(
    ("least", "desired"), [pytest.param(2, "Running", id="as before"), pytest.param(0, "Stopped", id="taken back")]
)
def test_an_edit_of_one_that_runs_keeps_the_budget_that_the_edit_says(least: int, desired: str) -> None:
    plane = plane_with()
    for number, (name, memory) in enumerate((("db1", "1Gi"), ("db2", "2Gi")), start=1):
        spec = msgspec.structs.replace(a_spec(memory=memory), min_available=2)
        plane.add_task(a_task(name, a_uid(number), msgspec.structs.replace(spec, min_available=2 * (number == 1))))
        plane.live(1)
        plane.report(name, TaskState.RUNNING)
    larger = msgspec.structs.replace(a_spec(memory="3Gi", priority=5), min_available=least)
    plane.add_task(msgspec.structs.replace(plane.task("db1"), spec=larger))
    plane.live(2)
    held = plane.assignment("n1", a_uid(2))
    assert held is not None
    assert held.desired == desired


@pytest.mark.parametrize(
    ("then", "now", "stopped"),
    [pytest.param("cache", "db", "t3", id="is one now"), pytest.param("db", "cache", "t2", id="was one")],
)
def test_budgets_count_tasks_by_the_labels_that_they_were_bound_with(then: str, now: str, stopped: str) -> None:
    plane = plane_with()
    for number, (app, priority) in enumerate((("db", 0), ("db", 0), (then, 5)), start=1):
        spec = msgspec.structs.replace(a_spec(memory="1Gi", priority=priority), min_available=2 * (number < 3))
        plane.add_task(labelled(a_task(f"t{number}", a_uid(number), spec), app))
        plane.live(1)
        plane.report(f"t{number}", TaskState.RUNNING)
    plane.put(keys.task("default", "t3"), labelled(plane.task("t3"), now))
    add(plane, 4, "urgent", "2Gi", priority=10)
    plane.live(2)
    held = {f"t{number}": plane.assignment("n1", a_uid(number)) for number in range(1, 4)}
    assert [name for name, one in held.items() if one is not None and one.desired == "Stopped"] == [stopped]


def labelled(task: Task, app: str) -> Task:
    return msgspec.structs.replace(task, metadata=msgspec.structs.replace(task.metadata, labels={"app": app}))


def test_what_has_only_room_that_is_kept_for_it_is_not_counted_among_those_that_are_left() -> None:
    plane = plane_with(2)
    for number, (name, app, least, priority) in enumerate(
        (("db1", "db", 1, 0), ("low", "low", 0, 0), ("db2", "db", 0, 10), ("urgent", "other", 0, 10)), start=1
    ):
        spec = msgspec.structs.replace(a_spec(memory="3Gi", priority=priority), min_available=least)
        task = a_task(name, a_uid(number), spec, created=number)
        metadata = msgspec.structs.replace(task.metadata, labels={"app": app})
        plane.add_task(msgspec.structs.replace(task, metadata=metadata))
        plane.live(2)
        if plane.node_of(name):
            plane.report(name, TaskState.RUNNING)
    found = {name: plane.assignment(plane.node_of(name), plane.task(name).metadata.uid) for name in ("db1", "low")}
    assert {name: held.desired for name, held in found.items() if held} == {"db1": "Running", "low": "Stopped"}
