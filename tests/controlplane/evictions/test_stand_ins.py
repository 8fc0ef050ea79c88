"""A drain of a node with tasks of a start-first service: each has a stand-in that is ready before it is stopped."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.cluster.effective import runs
from taskyard.annotations import STANDS_IN_FOR
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Drain,
    Maintenance,
    Metadata,
    NodeSpec,
    Service,
    TaskState,
    Toleration,
    Update,
    Volume,
)
from tests.controlplane.services.web import WEB, a_service, tasks
from tests.support.plane import Plane

START_FIRST = Update(order="start-first")
DRAINED = NodeSpec(metadata=Metadata(name="n1"), cordoned=True, drain=Drain())
MAINTAINED = NodeSpec(metadata=Metadata(name="n1"), maintenance=Maintenance(until="2999-01-01T00:00:00Z"))


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    return plane


def step(plane: Plane, seconds: float = 0.0) -> None:
    until = plane.clock.monotonic() + seconds
    while True:
        plane.elector.step()
        plane.settle(plane.services, plane.scheduler, plane.tasks, plane.ownership, plane.evictions)
        if plane.clock.monotonic() >= until:
            return
        plane.clock.advance(0.5)


def begin(plane: Plane, *, replicas: int = 2, update: Update = START_FIRST, **spec: object) -> None:
    """All run on n1, and there is another node."""
    plane.add_node("n1")
    service = a_service(replicas=replicas, update=update)
    template = service.spec.template
    changed = replace(template, spec=replace(template.spec, **spec))
    plane.put(WEB, replace(service, spec=replace(service.spec, template=changed)))
    step(plane)
    for number in range(replicas):
        plane.report(f"web-{number}", TaskState.RUNNING)
        step(plane)
    plane.add_node("n2")
    step(plane, 15)


def stopped(plane: Plane) -> list[str]:
    """Those that were asked to stop where they are."""
    found = []
    for name, task in sorted(tasks(plane).items()):
        held = plane.assignment(task.binding.node, task.metadata.uid) if task.binding else None
        if held is not None and held.desired == "Stopped" and not task.metadata.deletion_timestamp:
            found.append(name)
    return found


def stand_ins(plane: Plane) -> dict[str, str]:
    marks = {name: task.metadata.annotations.get(STANDS_IN_FOR, "") for name, task in sorted(tasks(plane).items())}
    return {name: slot for name, slot in marks.items() if slot and not tasks(plane)[name].metadata.deletion_timestamp}


@pytest.mark.parametrize("said", [DRAINED, MAINTAINED], ids=["drain", "maintenance"])
def test_each_has_a_stand_in_that_is_ready_before_it_is_stopped_and_goes_once_it_runs_elsewhere(
    plane: Plane, said: NodeSpec
) -> None:
    begin(plane)
    plane.set_node(said)
    step(plane, 20)
    assert stand_ins(plane) == {"web-2": "0"}, "one at a time, as the update has it"
    assert plane.node_of("web-2") == "n2"
    assert stopped(plane) == []
    told = [event.message for event in plane.told("EvictionHeld")]
    assert any(message.startswith("it stays until its stand-in, task/web-2, is ready") for message in told)
    for name, stand_in in (("web-0", "web-2"), ("web-1", "web-3")):
        plane.report(stand_in, TaskState.RUNNING)
        step(plane)
        assert stopped(plane) == [name]
        plane.report(name, TaskState.COMPLETED)
        step(plane)
        assert plane.node_of(name) == "n2"
        assert stand_in in stand_ins(plane), "it goes once the other one runs, and not before"
        plane.report(name, TaskState.RUNNING)
        step(plane)
        assert stand_in not in stand_ins(plane)
    plane.report("web-2", TaskState.COMPLETED)
    plane.report("web-3", TaskState.COMPLETED)
    step(plane)
    assert sorted(tasks(plane)) == ["web-0", "web-1"]


def test_as_many_at_a_time_as_the_update_may_have_beyond_the_replicas(plane: Plane) -> None:
    begin(plane, replicas=3, update=Update(order="start-first", parallelism=2))
    plane.set_node(DRAINED)
    step(plane)
    assert stand_ins(plane) == {"web-3": "0", "web-4": "1"}


def test_one_that_is_ready_is_waited_for_as_long_as_a_task_takes_to_be_available(plane: Plane) -> None:
    begin(plane, replicas=1, update=Update(order="start-first", min_ready="10s"))
    plane.set_node(DRAINED)
    step(plane)
    plane.report("web-1", TaskState.RUNNING)
    step(plane, 9)
    assert stopped(plane) == []
    step(plane, 2)
    assert stopped(plane) == ["web-0"]


def test_it_goes_when_the_drain_is_undone(plane: Plane) -> None:
    begin(plane)
    plane.set_node(DRAINED)
    step(plane)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    step(plane)
    assert stand_ins(plane) == {}
    step(plane, 60)
    assert (stopped(plane), plane.node_of("web-0")) == ([], "n1")


def test_a_drain_that_was_undone_does_not_count_for_the_next_one(plane: Plane) -> None:
    begin(plane)
    plane.set_node(DRAINED)
    step(plane)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    step(plane, 700)
    plane.set_node(DRAINED)
    step(plane, 20)
    assert (stopped(plane), [*stand_ins(plane).values()]) == ([], ["0"])


def test_where_no_node_takes_it_the_task_is_stopped_first_after_a_while(plane: Plane) -> None:
    begin(plane)
    plane.delete("/taskyard/v1/nodes/n2/lease")
    plane.set_node(DRAINED)
    step(plane, 29)
    assert stopped(plane) == []
    step(plane, 40)
    assert stopped(plane) == ["web-0", "web-1"]


def test_one_that_never_gets_ready_is_waited_for_as_long_as_an_update_may_stand_still(plane: Plane) -> None:
    begin(plane, replicas=1, update=Update(order="start-first", progress_deadline="2m"))
    plane.set_node(DRAINED)
    step(plane, 110)
    assert stopped(plane) == []
    step(plane, 20)
    assert stopped(plane) == ["web-0"]


@pytest.mark.parametrize(
    ("update", "spec"),
    [
        pytest.param(Update(), {}, id="stop-first"),
        pytest.param(START_FIRST, {"singleton": True}, id="a singleton"),
        pytest.param(START_FIRST, {"volumes": [Volume(name="data", target="/data")]}, id="its data is on its node"),
    ],
)
def test_others_are_stopped_at_once(plane: Plane, update: Update, spec: dict[str, object]) -> None:
    begin(plane, replicas=1, update=update, **spec)
    plane.set_node(DRAINED)
    step(plane)
    assert (stopped(plane), stand_ins(plane)) == (["web-0"], {})


def test_what_tolerates_the_drain_stays_without_a_stand_in(plane: Plane) -> None:
    begin(plane, tolerations=[Toleration(key="taskyard/drain", operator="Exists")])
    plane.set_node(DRAINED)
    step(plane, 40)
    assert (stopped(plane), stand_ins(plane)) == ([], {})


def update_to(plane: Plane, image: str) -> None:
    record = plane.cache.objects[ObjectKey("Service", "default", "web")]
    service = record.value
    assert isinstance(service, Service)
    template = service.spec.template
    changed = replace(template, spec=replace(template.spec, image=image))
    plane.put(WEB, replace(service, spec=replace(service.spec, template=changed)))


def available(plane: Plane) -> int:
    return sum(1 for record in plane.cache.tasks.values() if runs(plane.cache, record))


def test_while_an_update_is_under_way_it_moves_what_it_changes_and_the_rest_has_stand_ins_after_it(
    plane: Plane,
) -> None:
    begin(plane, replicas=3)
    update_to(plane, "b:2")
    step(plane, 1)
    assert sorted(tasks(plane)) == ["web-0", "web-1", "web-2", "web-3"]
    plane.report("web-3", TaskState.RUNNING)
    step(plane, 1)
    assert plane.task("web-0").spec.image == "b:2"
    plane.report("web-0", TaskState.RUNNING)
    before = plane.node_of("web-0")
    plane.set_node(replace(DRAINED, metadata=Metadata(name=before)))
    for _ in range(200):
        step(plane, 1)
        for name, task in tasks(plane).items():
            held = plane.assignment(task.binding.node, task.metadata.uid) if task.binding else None
            if held is not None and held.desired == "Stopped":
                plane.report(name, TaskState.COMPLETED)
            elif task.binding is not None and not task.metadata.deletion_timestamp:
                plane.report(name, TaskState.RUNNING)
        plane.pump()
        assert available(plane) >= 3, "no replica is missing at any time"
    assert {name: task.spec.image for name, task in tasks(plane).items()} == dict.fromkeys(
        ("web-0", "web-1", "web-2"), "b:2"
    )
    assert before not in {plane.node_of(name) for name in tasks(plane)}


def test_what_an_update_will_move_says_so_and_is_not_stopped_first(plane: Plane) -> None:
    begin(plane, replicas=2, update=Update(order="start-first", progress_deadline="5m"))
    update_to(plane, "b:2")
    step(plane, 1)
    plane.set_node(DRAINED)
    step(plane, 60)
    assert stopped(plane) == []
    told = [event.message for event in plane.told("EvictionHeld")]
    assert any(message.startswith("it stays until the update moves it") for message in told)


def test_what_is_updated_already_has_a_stand_in_where_the_surge_has_room_for_both(plane: Plane) -> None:
    begin(plane, replicas=3, update=Update(order="start-first", max_surge=4))
    update_to(plane, "b:2")
    for name in ("web-3", "web-4", "web-5", "web-0"):
        step(plane, 1)
        plane.report(name, TaskState.RUNNING)
    plane.set_node(replace(DRAINED, metadata=Metadata(name=plane.node_of("web-0"))))
    step(plane, 1)
    ((name, slot),) = stand_ins(plane).items()
    assert (slot, plane.task(name).spec.image) == ("0", "b:2")
    assert len(tasks(plane)) <= 3 + 4


def test_a_budget_is_kept_all_the_same(plane: Plane) -> None:
    begin(plane, min_available=3)
    plane.set_node(DRAINED)
    step(plane)
    plane.report("web-2", TaskState.RUNNING)
    step(plane, 5)
    assert stopped(plane) == []
    assert any("minAvailable would not be kept" in event.message for event in plane.told("EvictionHeld"))
