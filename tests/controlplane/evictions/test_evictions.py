"""Who has to leave a node with a taint NoExecute, when, and how many at once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.cluster import AssignmentRecord, TaskRecord
from controlplane.evictions import EvictionController
from controlplane.evictions.decide import leave
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Metadata, NodeSpec, Taint, TaskState, Toleration
from tests.support.plane import Plane, a_spec, a_task, a_uid

BAD = Taint(key="disk", value="failing", effect="NoExecute")


@pytest.mark.parametrize(
    ("tolerations", "at"),
    [
        pytest.param([], 5.0, id="none: at once"),
        pytest.param([Toleration(key="disk", operator="Exists")], None, id="for ever"),
        pytest.param([Toleration(key="disk", operator="Exists", toleration_seconds=30)], 35.0, id="for a while"),
        pytest.param([Toleration(key="disk", value="fine", toleration_seconds=30)], 5.0, id="another value"),
        pytest.param([Toleration(operator="Exists", effect="NoSchedule")], 5.0, id="another effect"),
        pytest.param(
            [
                Toleration(key="disk", operator="Exists", toleration_seconds=30),
                Toleration(key="disk", value="failing", toleration_seconds=60),
            ],
            65.0,
            id="the most patient of several",
        ),
    ],
)
def test_when_it_has_to_leave(tolerations: list[Toleration], at: float | None) -> None:
    found = leave("n1", tolerations, {BAD: 5.0})
    assert (found.at if found is not None else None) == at


def test_of_several_taints_the_first_that_it_has_to_leave_for() -> None:
    other = Taint(key="heat", effect="NoExecute")
    patient = [Toleration(operator="Exists", toleration_seconds=30)]
    found = leave("n1", patient, {BAD: 5.0, other: 2.0})
    assert found is not None
    assert (found.at, "heat:NoExecute" in found.why) == (32.0, True)


def test_of_a_drain_it_is_told_that_it_is_one() -> None:
    found = leave("n1", [], {Taint(key="taskyard/drain", effect="NoExecute"): 0.0})
    assert found is not None
    assert found.why == "evicted from n1: the node is drained"


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    plane.add_node("n1")
    return plane


def run(plane: Plane, seconds: float = 0.0) -> None:
    until = plane.clock.monotonic() + seconds
    while True:
        plane.elector.step()
        plane.settle(plane.scheduler, plane.tasks, plane.evictions)
        if plane.clock.monotonic() >= until:
            return
        plane.clock.advance(0.5)


def add(plane: Plane, number: int, name: str, **spec: object) -> None:
    task = a_task(name, a_uid(number), replace(a_spec(memory="64Mi"), **spec))
    plane.add_task(replace(task, metadata=replace(task.metadata, labels={"app": "web"})))
    run(plane)
    plane.report(name, TaskState.RUNNING)
    run(plane)


def taint(plane: Plane, *taints: Taint) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), taints=list(taints)))
    run(plane)


def desired(plane: Plane, number: int) -> str:
    held = plane.assignment("n1", a_uid(number))
    return held.desired if held is not None else ""


def end(plane: Plane, name: str) -> None:
    plane.report(name, TaskState.COMPLETED)
    run(plane)


def test_it_is_stopped_and_runs_again_elsewhere(plane: Plane) -> None:
    add(plane, 1, "web")
    plane.add_node("n2")
    taint(plane, BAD)
    assert desired(plane, 1) == "Stopped"
    (told,) = plane.told("Evicted")
    assert told.message == "evicted from n1: it does not tolerate taint disk=failing:NoExecute"
    assert plane.node_of("web") == "n1", "it is not bound elsewhere while it may still run"
    end(plane, "web")
    assert plane.node_of("web") == "n2"


def test_one_that_tolerates_it_stays_as_long_as_it_says(plane: Plane) -> None:
    add(plane, 1, "patient", tolerations=[Toleration(operator="Exists", toleration_seconds=30)])
    add(plane, 2, "tough", tolerations=[Toleration(operator="Exists")])
    taint(plane, BAD)
    run(plane, 29)
    assert (desired(plane, 1), desired(plane, 2)) == ("Running", "Running")
    run(plane, 2)
    assert (desired(plane, 1), desired(plane, 2)) == ("Stopped", "Running")


def test_a_taint_that_goes_in_time_drives_nobody_out(plane: Plane) -> None:
    add(plane, 1, "patient", tolerations=[Toleration(operator="Exists", toleration_seconds=30)])
    taint(plane, BAD)
    run(plane, 20)
    taint(plane)
    run(plane, 20)
    taint(plane, BAD)
    run(plane, 20)
    assert desired(plane, 1) == "Running"


def test_no_more_leave_at_once_than_the_budget_allows(plane: Plane) -> None:
    for number in range(1, 4):
        add(plane, number, f"web{number}", min_available=2)
    plane.add_node("n2")
    taint(plane, BAD)
    assert sorted(desired(plane, number) for number in range(1, 4)) == ["Running", "Running", "Stopped"]
    assert len(plane.told("EvictionHeld")) == 2
    gone: list[int] = []
    for _ in range(3):
        (leaving,) = (number for number in range(1, 4) if number not in gone and desired(plane, number) == "Stopped")
        end(plane, f"web{leaving}")
        assert plane.node_of(f"web{leaving}") == "n2"
        still = [number for number in range(1, 4) if number not in gone and number != leaving]
        assert all(desired(plane, number) == "Running" for number in still), "the next waits until this one runs"
        plane.report(f"web{leaving}", TaskState.RUNNING)
        run(plane)
        gone.append(leaving)


def test_where_nothing_else_takes_it_it_waits_and_says_why(plane: Plane) -> None:
    add(plane, 1, "web")
    taint(plane, BAD)
    end(plane, "web")
    record = plane.cache.tasks[NamedKey("default", "web")]
    assert record.node == "n1"
    plane.delete(keys.node_spec("n1"))
    run(plane)
    assert plane.task("web").binding is not None
    assert plane.task("web").binding.epoch == 2  # type: ignore[union-attr]


def test_only_what_changed_is_looked_at_and_one_that_is_held_when_one_more_of_its_kind_runs(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    stays = EvictionController._stays

    def counted(self: EvictionController, record: TaskRecord) -> AssignmentRecord | None:
        looks.append(record.key.name)
        return stays(self, record)

    monkeypatch.setattr(EvictionController, "_stays", counted)
    add(plane, 1, "tough", tolerations=[Toleration(operator="Exists")])
    for number in range(11, 21):
        add(plane, number, f"web{number}", min_available=11)  # The tough one counts, too.
    taint(plane, BAD)
    assert sorted(looks) == sorted(["tough", *(f"web{number}" for number in range(11, 21))])
    plane.add_node("n2")
    looks.clear()
    add(plane, 21, "web21", min_available=11)
    assert looks == ["web11", "web12", "web11"], "the first leaves, the second is held as before, the first changes"
    assert desired(plane, 11) == "Stopped"
    looks.clear()
    plane.report("web11", TaskState.STOPPING)
    run(plane)
    assert looks == ["web11"]
    end(plane, "web11")
    assert plane.node_of("web11") == "n2"
    looks.clear()
    plane.report("web11", TaskState.RUNNING)
    run(plane)
    assert looks == ["web12", "web13", "web12"]


@pytest.mark.parametrize("least", [2, 0, None], ids=["fewer", "none", "deleted"])
def test_a_budget_that_is_relaxed_lets_the_next_leave_at_once(plane: Plane, least: int | None) -> None:
    add(plane, 1, "web1")
    add(plane, 2, "web2")
    add(plane, 3, "guard", min_available=3, tolerations=[Toleration(operator="Exists")])
    taint(plane, BAD)
    assert (desired(plane, 1), desired(plane, 2)) == ("Running", "Running")
    guard = plane.task("guard")
    if least is None:
        plane.delete(keys.task("default", "guard"))
    else:
        plane.add_task(replace(guard, spec=replace(guard.spec, min_available=least)))
    run(plane, 1)
    left = [desired(plane, number) for number in (1, 2)].count("Running")
    assert left == (1 if least == 2 else 0)
