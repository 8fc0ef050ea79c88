"""A task of high priority gets room: others are stopped for it, and nobody takes the room meanwhile."""

from __future__ import annotations

import msgspec
import pytest

from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import (
    Constraint,
    Metadata,
    Namespace,
    NamespaceSpec,
    NodeLease,
    NodeSpec,
    Port,
    Quota,
    TaskState,
    decode,
    key_of,
)
from tests.controlplane.scheduler.crowded import add, events, plane_with, shown
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid


@pytest.fixture
def full() -> Plane:
    """One node, taken by `low` (3 GiB) and `small` (1 GiB); `urgent` wants 2 GiB."""
    plane = plane_with()
    for number, (name, memory) in enumerate([("low", "3Gi"), ("small", "1Gi")], 1):
        add(plane, number, name, memory)
        plane.report(name, TaskState.RUNNING)
    add(plane, 3, "urgent", "2Gi", priority=10)
    return plane


def test_the_cheapest_victim_is_asked_to_stop_and_it_is_told(full: Plane) -> None:
    stopped = full.assignment("n1", a_uid(1))
    assert stopped is not None
    assert (stopped.desired, full.assignment("n1", a_uid(2)).desired) == ("Stopped", "Running")  # type: ignore[union-attr]
    assert shown(full, "low") == ("Stopping", "Preempted")
    assert events(full, "Preempting") == ["makes room on n1, where it stops default/low"]
    assert events(full, "Preempted") == ["stopped to make room for default/urgent (priority 10 over 0)"]


def test_it_is_bound_once_the_room_is_free_and_nobody_else_gets_it(full: Plane) -> None:
    add(full, 4, "sneaky", "2Gi")
    assert full.node_of("urgent") == ""
    full.report("low", TaskState.COMPLETED)
    full.live(1)
    assert (full.node_of("urgent"), full.node_of("sneaky")) == ("n1", "")
    assert shown(full, "low") == ("Pending", "Preempted")


def test_the_victim_runs_again_where_there_is_room(full: Plane) -> None:
    full.add_node("n2", memory=4 * GI)
    full.live(1)
    assert full.node_of("low") == "n1", "it is not moved before it has stopped"
    full.report("low", TaskState.COMPLETED)
    full.live(1)
    assert full.node_of("low") == "n2" or full.node_of("urgent") == "n2"
    assert full.node_of("urgent") in ("n1", "n2")


def test_equal_priority_stops_nobody() -> None:
    plane = plane_with()
    add(plane, 1, "first", "3Gi", priority=10)
    add(plane, 2, "second", "3Gi", priority=10)
    plane.live(5)
    held = plane.assignment("n1", a_uid(1))
    assert held is not None
    assert held.desired == "Running"
    assert shown(plane, "second") == ("Pending", "Unschedulable")


def test_room_that_is_kept_no_longer_goes_to_others_at_once(full: Plane) -> None:
    """Whoever is to stop has 120 s for it, and a grace period of 10 s."""
    add(full, 4, "asks", "1Gi")
    full.report("small", TaskState.COMPLETED)
    full.live(125)
    assert full.node_of("asks") == ""
    full.live(7)
    assert full.node_of("asks") == "n1"


KEPT = "the room that it fits in is kept: on n1 for default/large"


def test_a_large_task_that_has_waited_is_not_passed_for_ever_by_small_ones() -> None:
    plane = plane_with()
    for number in range(1, 5):
        add(plane, number, f"small{number}", "1Gi")
        plane.report(f"small{number}", TaskState.RUNNING)
    add(plane, 10, "large", "3Gi")
    plane.live(130)
    assert events(plane, "Reserved") == ["has waited for 1m: what becomes free on n1 is kept for it"]
    for number in range(1, 4):
        plane.report(f"small{number}", TaskState.COMPLETED)
        add(plane, 20 + number, f"late{number}", "1Gi")
        assert plane.node_of(f"late{number}") == ""
        if number < 3:
            assert events(plane, "RoomKept", f"late{number}") == [KEPT]
    assert plane.node_of("large") == "n1"


@pytest.mark.parametrize(
    ("priority", "stopped"),
    [
        pytest.param(10, ["small3", "small4"], id="more important"),
        pytest.param(-5, [], id="as important"),
    ],
)
def test_room_that_is_kept_for_a_less_important_task_keeps_nobody_waiting(priority: int, stopped: list[str]) -> None:
    plane = plane_with()
    for number in range(1, 5):
        add(plane, number, f"small{number}", "1Gi", -5)
        plane.report(f"small{number}", TaskState.RUNNING)
    add(plane, 10, "large", "3Gi", -5)
    plane.live(130)
    assert events(plane, "Reserved")
    add(plane, 11, "asks", "2Gi", priority)
    plane.live(5)
    found = {f"small{n}": plane.assignment("n1", a_uid(n)) for n in range(1, 5)}
    assert [name for name, held in found.items() if held is not None and held.desired == "Stopped"] == stopped


def test_an_edit_that_needs_no_more_than_the_task_has_does_not_wait_for_kept_room() -> None:
    plane = plane_with()
    for number in range(1, 5):
        add(plane, number, f"small{number}", "1Gi")
        plane.report(f"small{number}", TaskState.RUNNING)
    add(plane, 10, "large", "3Gi")
    plane.live(130)
    assert events(plane, "Reserved")
    small = plane.task("small1")
    edited = msgspec.structs.replace(small, spec=msgspec.structs.replace(small.spec, env={"VERSION": "2"}))
    plane.put(keys.task("default", "small1"), edited)
    plane.live(1)
    held = plane.assignment("n1", a_uid(1))
    assert held is not None
    assert (held.epoch, held.spec.env) == (2, {"VERSION": "2"})
    assert plane.node_of("large") == ""


def test_room_is_not_kept_for_what_a_task_asked_for_before_an_edit() -> None:
    plane = plane_with()
    for number in range(1, 5):
        add(plane, number, f"small{number}", "1Gi", 5)
        plane.report(f"small{number}", TaskState.RUNNING)
    add(plane, 10, "large", "3Gi", 5)
    plane.live(130)
    assert events(plane, "Reserved")
    plane.add_task(msgspec.structs.replace(plane.task("large"), spec=a_spec(memory="1Gi", priority=-5)))
    plane.live(1)
    add(plane, 11, "asks", "1Gi")
    plane.report("small1", TaskState.COMPLETED)
    plane.live(5)
    assert plane.node_of("asks") == "n1"


def test_one_that_waits_with_a_new_spec_is_stopped_where_it_is_for_a_more_important_one() -> None:
    plane = plane_with()
    add(plane, 1, "low", "3Gi")
    plane.report("low", TaskState.RUNNING)
    plane.add_task(msgspec.structs.replace(plane.task("low"), spec=a_spec(memory="8Gi")))
    plane.live(5)
    add(plane, 2, "urgent", "2Gi", 10)
    plane.live(5)
    held = plane.assignment("n1", a_uid(1))
    assert held is not None
    assert held.desired == "Stopped"


def test_a_node_that_has_the_image_is_taken_among_much_the_same() -> None:
    plane = plane_with(2)
    lease = decode(plane.store.get(keys.node_lease("n2")).value, NodeLease)  # type: ignore[union-attr]
    plane.put(keys.node_lease("n2"), msgspec.structs.replace(lease, images=["web:latest"]))
    add(plane, 1, "web", "64Mi", image="web")
    add(plane, 2, "other", "64Mi", image="other")
    assert (plane.node_of("web"), plane.node_of("other")) == ("n2", "n1")


def test_a_quota_holds_and_a_larger_one_lets_those_that_wait_go_on() -> None:
    plane = plane_with(2)

    def allow(tasks: int) -> None:
        quota = Quota(tasks=tasks, memory="2Gi")
        value = Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(quota=quota))
        plane.put(keys.object_key(key_of(value)), value)
        plane.live(1)

    allow(2)
    for number in range(1, 5):
        plane.add_task(a_task(f"t{number}", a_uid(number), a_spec(memory="512Mi")))
    plane.live(1)
    assert [plane.node_of(f"t{number}") != "" for number in range(1, 5)] == [True, True, False, False]
    plane.pump()
    why = PendingReasons(plane.cache, plane.clock)(plane.cache.tasks[NamedKey("default", "t3")])
    assert "beyond the namespace's quota (would be tasks 3 of 2)" in why.message
    allow(3)
    assert [plane.node_of(f"t{number}") != "" for number in range(1, 5)] == [True, True, True, False]


def test_a_quota_that_allows_more_since_another_ended_elsewhere_lets_one_go_on_at_once() -> None:
    plane = plane_with(2)
    plane.put(
        keys.object_key(
            key_of(few := Namespace(metadata=Metadata(name="default"), spec=NamespaceSpec(quota=Quota(tasks=2))))
        ),
        few,
    )
    for number, node in enumerate(("n1", "n2", "n2"), start=1):
        spec = msgspec.structs.replace(a_spec(memory="1Gi"), constraints=[Constraint(key="node.name", value=node)])
        plane.add_task(a_task(f"t{number}", a_uid(number), spec, created=number))
        plane.live(1)
    assert [plane.node_of(f"t{number}") for number in range(1, 4)] == ["n1", "n2", ""]
    plane.report("t1", TaskState.COMPLETED)
    plane.live(1)
    assert plane.node_of("t3") == "n2"


def test_a_full_node_that_lets_a_task_in_again_has_others_stopped_for_it_at_once() -> None:
    plane = plane_with()
    add(plane, 1, "low", "3Gi")
    plane.report("low", TaskState.RUNNING)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    add(plane, 2, "urgent", "3Gi", priority=10)
    plane.live(1)
    assert desired(plane, 1) == "Running"
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    plane.live(1)
    assert desired(plane, 1) == "Stopped"


def test_a_task_that_matters_less_from_now_on_is_stopped_at_once_for_one_that_waits() -> None:
    plane = plane_with()
    add(plane, 1, "low", "3Gi", priority=10)
    plane.report("low", TaskState.RUNNING)
    add(plane, 2, "urgent", "3Gi", priority=10)
    plane.live(1)
    assert desired(plane, 1) == "Running"
    plane.add_task(msgspec.structs.replace(plane.task("low"), spec=a_spec(memory="3Gi", priority=0)))
    plane.live(1)
    assert desired(plane, 1) == "Stopped"


def desired(plane: Plane, number: int) -> str:
    held = plane.assignment("n1", a_uid(number))
    return held.desired if held is not None else ""


def test_a_host_port_is_kept_for_the_task_that_its_holder_is_stopped_for() -> None:
    plane = plane_with()
    ports = [Port(container=80, host=8080)]
    add(plane, 1, "low", "1Gi", ports=ports)
    plane.report("low", TaskState.RUNNING)
    add(plane, 2, "urgent", "1Gi", priority=10, ports=ports)
    plane.live(5)
    held = plane.assignment("n1", a_uid(1))
    assert held is not None
    assert (held.desired, held.epoch, plane.node_of("urgent")) == ("Stopped", 1, "")
    plane.report("low", TaskState.COMPLETED)
    plane.live(1)
    assert plane.node_of("urgent") == "n1"


def test_what_a_task_has_itself_is_stopped_for_nobody() -> None:
    plane = plane_with()
    for number, (name, memory) in enumerate([("web", "1Gi"), ("other", "3Gi")], 1):
        add(plane, number, name, memory)
        plane.report(name, TaskState.RUNNING)
    wanted = a_spec(memory="4Gi", priority=10)
    plane.add_task(msgspec.structs.replace(plane.task("web"), spec=wanted))
    plane.live(1)
    found = [plane.assignment("n1", a_uid(number)) for number in (1, 2)]
    assert [held.desired for held in found if held is not None] == ["Running", "Stopped"]


def test_room_that_becomes_free_goes_to_the_namespace_that_has_least() -> None:
    plane = plane_with()
    for number in range(1, 9):
        plane.add_task(a_task(f"many{number}", a_uid(number), a_spec(memory="512Mi"), created=number))
    plane.live(1)
    for number in range(9, 30):
        plane.add_task(a_task(f"many{number}", a_uid(number), a_spec(memory="512Mi"), created=number))
    few = [a_task(f"few{number}", a_uid(100 + number), a_spec(memory="512Mi"), created=1000) for number in range(2)]
    few = [msgspec.structs.replace(t, metadata=msgspec.structs.replace(t.metadata, namespace="few")) for t in few]
    for task in few:
        plane.add_task(task)
    plane.live(1)
    for number in range(1, 3):
        plane.report(f"many{number}", TaskState.COMPLETED)
    plane.live(1)
    assert len(plane.cache.usage("n1").by_uid) == 8
    assert [plane.cache.tasks[NamedKey("few", f"few{number}")].node for number in range(2)] == ["n1", "n1"]


def test_a_task_whose_new_spec_is_as_important_and_waits_is_not_stopped() -> None:
    plane = plane_with()
    for number, (name, memory) in enumerate([("low", "3Gi"), ("small", "1Gi")], 1):
        add(plane, number, name, memory)
        plane.report(name, TaskState.RUNNING)
    plane.add_task(msgspec.structs.replace(plane.task("low"), spec=a_spec(memory="6Gi", priority=10)))
    plane.live(1)
    add(plane, 3, "urgent", "2Gi", priority=5)
    plane.live(5)
    held = plane.assignment("n1", a_uid(1))
    assert held is not None
    assert (held.desired, plane.node_of("urgent")) == ("Running", "")


def test_what_is_said_of_those_that_fit_nowhere_counts_what_came_before_them_in_the_round() -> None:
    plane = plane_with()
    for number in range(1, 3):
        plane.add_task(a_task(f"half{number}", a_uid(number), a_spec(memory="3Gi"), created=number))
    plane.live(1)
    assert [plane.node_of("half1"), plane.node_of("half2")] == ["n1", ""]
    assert events(plane, "FailedScheduling", "half2") == ["0 of 1 node fits: 1 too little memory (n1 needs 2Gi more)"]
