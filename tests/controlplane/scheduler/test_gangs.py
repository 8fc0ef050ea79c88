"""Tasks that are bound together or not at all, also where others are stopped for them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from taskyard import keys
from taskyard.objects import Dependency, Gang, Metadata, NodeSpec, Resources, TaskState
from tests.controlplane.scheduler.crowded import add, plane_with, revisions
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid


def test_a_gang_is_bound_in_one_transaction_or_not_at_all() -> None:
    plane = plane_with(2)
    gang = Gang(name="train", size=3)
    for number in range(1, 3):
        add(plane, number, f"g{number}", "2Gi", gang=gang)
        assert plane.node_of(f"g{number}") == ""
    add(plane, 3, "g3", "2Gi", gang=gang)
    bindings = revisions(plane, *(keys.task("default", f"g{n}") for n in range(1, 4)))
    assert len(bindings) == 1
    assert all(plane.node_of(f"g{number}") for number in range(1, 4))


def test_members_that_went_while_the_lead_was_in_doubt_count_no_more() -> None:
    plane = plane_with(2)
    gang = Gang(name="train", size=3)
    for number in range(1, 4):
        add(plane, number, f"g{number}", "1Gi", gang=gang)
    assert plane.node_of("g3")
    plane.clock.advance(9.5)
    assert not plane.scheduler.step()
    assert not plane.scheduler.leading
    for number in range(1, 4):
        name = f"g{number}"
        plane.delete(keys.task("default", name), keys.assignment(plane.node_of(name), a_uid(number)))
    plane.pump()
    plane.live(1)
    assert plane.scheduler.leading
    for number in (4, 5):
        add(plane, number, f"g{number}", "1Gi", gang=gang)
    assert (plane.node_of("g4"), plane.node_of("g5")) == ("", "")
    add(plane, 6, "g6", "1Gi", gang=gang)
    assert all(plane.node_of(f"g{number}") for number in (4, 5, 6))


def test_what_is_said_of_a_gang_is_not_said_of_others_that_ask_for_as_much() -> None:
    plane = plane_with()
    plane.add_task(
        a_task("g1", a_uid(1), msgspec.structs.replace(a_spec(memory="9Gi"), gang=Gang(name="pair", size=2)))
    )
    plane.add_task(a_task("other", a_uid(2), a_spec(memory="9Gi")))
    plane.live(1)
    told = {event.about.name: event.message for event in plane.told("FailedScheduling")}
    assert "its gang pair" in told["g1"]
    assert "gang" not in told["other"]


def test_a_gang_that_does_not_fit_takes_no_room_from_others() -> None:
    plane = plane_with()
    gang = Gang(name="train", size=2)
    add(plane, 1, "g1", "3Gi", gang=gang)
    add(plane, 2, "g2", "3Gi", gang=gang)
    add(plane, 3, "other", "3Gi")
    assert (plane.node_of("g1"), plane.node_of("g2"), plane.node_of("other")) == ("", "", "n1")
    plane.add_node("n2", memory=8 * GI)
    plane.live(1)
    assert (plane.node_of("g1"), plane.node_of("g2")) == ("n2", "n2")


def test_more_than_one_transaction_holds_come_after_it() -> None:
    plane = plane_with(2)
    gang = Gang(name="train", size=2)
    for number in range(1, 41):
        spec = msgspec.structs.replace(a_spec(memory="64Mi"), gang=gang)
        plane.add_task(a_task(f"g{number:02}", a_uid(number), spec))
    plane.live(2)
    assert all(plane.node_of(f"g{number:02}") for number in range(1, 41))


def gang_plane() -> Plane:
    plane = plane_with(2)
    for number in range(1, 3):
        add(plane, number, f"low{number}", "3Gi")
        plane.report(f"low{number}", TaskState.RUNNING)
    return plane


def desired(plane: Plane) -> list[str]:
    held = [plane.assignment(plane.node_of(f"low{number}"), a_uid(number)) for number in range(1, 3)]
    return [each.desired if each is not None else "" for each in held]


def test_room_is_made_for_a_whole_gang_in_one_transaction_and_nobody_else_gets_it() -> None:
    plane = gang_plane()
    gang = Gang(name="train", size=2)
    for number in range(11, 13):
        add(plane, number, f"g{number}", "3Gi", priority=5, gang=gang)
    assert desired(plane) == ["Stopped", "Stopped"]
    stopped = revisions(plane, *(keys.assignment(f"n{n}", a_uid(n)) for n in range(1, 3)))
    assert len(stopped) == 1
    add(plane, 20, "sneaky", "3Gi")
    plane.report("low1", TaskState.COMPLETED)
    plane.live(1)
    assert (plane.node_of("g11"), plane.node_of("sneaky")) == ("", "")
    plane.report("low2", TaskState.COMPLETED)
    plane.live(1)
    assert {plane.node_of("g11"), plane.node_of("g12")} == {"n1", "n2"}


def test_nobody_is_stopped_for_a_gang_of_which_one_would_still_not_fit() -> None:
    plane = gang_plane()
    gang = Gang(name="train", size=3)
    for number in range(11, 14):
        add(plane, number, f"g{number}", "3Gi", priority=5, gang=gang)
    assert desired(plane) == ["Running", "Running"]


def test_a_budget_holds_for_all_of_a_gang_together() -> None:
    plane = plane_with(2)
    for number in range(1, 3):
        add(plane, number, f"low{number}", "3Gi", min_available=1)
        plane.report(f"low{number}", TaskState.RUNNING)
    for number in range(11, 13):
        add(plane, number, f"g{number}", "3Gi", priority=5, gang=Gang(name="train", size=2))
    assert desired(plane) == ["Running", "Running"]


def edit(plane: Plane, name: str, **changes: object) -> None:
    task = plane.task(name)
    plane.add_task(msgspec.structs.replace(task, spec=msgspec.structs.replace(task.spec, **changes)))


def a_gang_that_room_is_kept_for(plane: Plane, size: int = 2) -> None:
    """`g11` on n1, where `asks` would like to be, and `g12` on n2."""
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "a"}))
    for number in range(11, 13):
        add(plane, number, f"g{number}", "3Gi", priority=5, gang=Gang(name="train", size=size))
    plane.add_task(a_task("asks", a_uid(20), a_spec(memory="3Gi", selector={"zone": "a"})))
    plane.report("low1", TaskState.COMPLETED)
    plane.live(1)
    assert (desired(plane)[1], plane.node_of("asks")) == ("Stopped", "")


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(lambda plane: plane.delete(keys.task("default", "g12")), id="deleted"),
        pytest.param(lambda plane: edit(plane, "g12", gang=Gang(name="other", size=2)), id="of another gang"),
        pytest.param(lambda plane: edit(plane, "g12", resources=Resources(memory="9Gi")), id="too large now"),
        pytest.param(lambda plane: edit(plane, "g12", depends_on=[Dependency(name="none")]), id="held back"),
    ],
)
def test_what_is_kept_for_a_gang_is_free_at_once_when_one_of_it_comes_no_more(lose: Callable[[Plane], None]) -> None:
    plane = gang_plane()
    a_gang_that_room_is_kept_for(plane)
    lose(plane)
    plane.live(1)
    assert (plane.node_of("asks"), plane.node_of("g11")) == ("n1", "")


def test_what_is_kept_for_a_gang_is_free_at_once_when_it_lacks_more_since_one_that_had_a_node_is_gone() -> None:
    plane = gang_plane()
    add(plane, 10, "g10", "64Mi", gang=Gang(name="train", size=1))
    a_gang_that_room_is_kept_for(plane, size=3)
    plane.delete(keys.task("default", "g10"), keys.assignment(plane.node_of("g10"), a_uid(10)))
    plane.live(1)
    assert (plane.node_of("asks"), plane.node_of("g11")) == ("n1", "")


def test_what_is_kept_for_a_gang_stays_so_while_enough_of_it_are_left() -> None:
    plane = gang_plane()
    a_gang_that_room_is_kept_for(plane)
    add(plane, 13, "g13", "64Mi", priority=5, gang=Gang(name="train", size=2))
    plane.delete(keys.task("default", "g13"))
    plane.live(1)
    assert (plane.node_of("asks"), plane.node_of("g11")) == ("", "")
    plane.report("low2", TaskState.COMPLETED)
    plane.live(1)
    assert {plane.node_of("g11"), plane.node_of("g12")} == {"n1", "n2"}


def test_the_others_of_a_gang_go_on_at_once_without_the_one_that_had_no_room() -> None:
    plane, gang = plane_with(2), Gang(name="pair", size=2)
    for number in range(1, 4):
        plane.add_task(a_task(f"g{number}", a_uid(number), msgspec.structs.replace(a_spec(memory="3Gi"), gang=gang)))
    plane.live(1)
    assert plane.node_of("g1") == ""
    plane.delete(keys.task("default", "g3"))
    plane.live(1)
    assert {plane.node_of("g1"), plane.node_of("g2")} == {"n1", "n2"}
