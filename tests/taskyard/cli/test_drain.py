"""`taskyard drain` against a control plane in this process, whose agents stop and start what they are told to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from taskyard.clock import SystemClock, timestamp
from taskyard.objects import Toleration
from tests.support.plane import a_spec, a_task, a_uid
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import run


@pytest.fixture
def busy(served: ServedPlane) -> ServedPlane:
    served.plane.add_node("n1")
    for number, name in enumerate(("web", "db")):
        served.plane.add_task(a_task(name, a_uid(number), a_spec(memory="512Mi")))
    served.settle()
    return served


def test_what_runs_there_goes_elsewhere_and_nothing_new_comes_until_it_is_undone(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    busy.plane.add_node("n2")
    with busy.running():
        drained = run(busy, capsys, "drain", "n1", "--timeout", "60s")
    assert (drained.code, drained.out) == (0, "node/n1 draining\nnode/n1 drained\n"), drained.err
    assert {busy.plane.node_of(name) for name in ("web", "db")} == {"n2"}
    assert run(busy, capsys, "drain", "node/n1").out == "node/n1 unchanged\nnode/n1 drained\n"
    assert run(busy, capsys, "uncordon", "n1").out == "node/n1 uncordoned\n"
    node = busy.call("GET", "/nodes/n1").json["spec"]
    assert (node.get("taints", []), node.get("cordoned", False)) == ([], False)


def test_one_that_cannot_be_emptied_in_time_says_what_holds_it_and_goes_on_being_drained(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    task = busy.plane.task("db")
    spec = replace(task.spec, min_available=1)
    busy.plane.add_task(replace(task, spec=spec))
    busy.settle()
    with busy.running():
        drained = run(busy, capsys, "drain", "n1", "--timeout", "5s")
    assert drained.code == 1
    assert "node/n1 is not empty yet: 1 of its tasks are still there" in drained.err
    assert ": Running: it stays while minAvailable would not be kept" in drained.err
    assert busy.call("GET", "/nodes/n1").json["spec"]["cordoned"]


def test_what_tolerates_it_stays_and_is_not_waited_for(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("web", "db"):
        task = busy.plane.task(name)
        spec = replace(task.spec, tolerations=[Toleration(key="taskyard/drain", operator="Exists")])
        busy.plane.add_task(replace(task, spec=spec))
    busy.settle()
    with busy.running():
        assert run(busy, capsys, "drain", "n1", "--timeout", "30s").out == "node/n1 draining\nnode/n1 drained\n"
    assert busy.plane.node_of("web") == "n1"


def test_without_waiting(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(busy, capsys, "drain", "n1", "--no-wait").out == "node/n1 draining\n"
    assert busy.plane.node_of("web") == "n1"
    refused = run(busy, capsys, "drain", "task/web")
    assert (refused.code, "is not a node" in refused.err) == (1, True)
    assert run(busy, capsys, "drain", "n9").code == 1


def test_how_long_there_is_until_its_deadline_is_shown(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    hold_on(busy)
    with busy.running():
        drained = run(busy, capsys, "drain", "n1", "--deadline", "1h", "--timeout", "5s")
    assert drained.code == 1
    assert "left, to be stopped whatever holds it in 1h" in drained.err


def test_by_force_nothing_is_waited_for(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    hold_on(busy)
    busy.plane.clock.advance(SystemClock().now() - busy.plane.clock.now() + 60)
    for _ in range(3):
        busy.plane.elector.step()  # Its lease is over with that.
    with busy.running():
        drained = run(busy, capsys, "drain", "n1", "--force", "--timeout", "60s")
    assert drained.code == 0, drained.err


def test_asked_for_again_it_has_the_deadline_of_then_and_uncordon_takes_all_away(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    run(busy, capsys, "drain", "n1", "--deadline", "1h", "--no-wait")
    assert run(busy, capsys, "drain", "n1", "--no-wait").out == "node/n1 draining\n"
    assert busy.call("GET", "/nodes/n1").json["spec"] == {"cordoned": True, "drain": {}}
    assert run(busy, capsys, "uncordon", "n1").out == "node/n1 uncordoned\n"
    assert busy.call("GET", "/nodes/n1").json["spec"] == {}


def test_by_force_the_deadline_is_also_that_of_what_runs_once(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    run(busy, capsys, "drain", "n1", "--deadline", "1h", "--force", "--no-wait")
    drain = busy.call("GET", "/nodes/n1").json["spec"]["drain"]
    assert drain["force"]
    assert drain["deadline"] > timestamp(SystemClock().now() + 3000)
    run(busy, capsys, "drain", "n1", "--deadline", "0s", "--no-wait")
    assert "force" not in busy.call("GET", "/nodes/n1").json["spec"]["drain"]


def hold_on(busy: ServedPlane) -> None:
    """By a budget that is never kept elsewhere."""
    task = busy.plane.task("db")
    busy.plane.add_task(replace(task, spec=replace(task.spec, min_available=1)))
    busy.settle()
