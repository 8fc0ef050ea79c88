"""`taskyard maintenance` against a control plane in this process, and what it means for tasks and for people."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.objects import OnNodeLoss, Toleration
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


def test_it_is_emptied_shown_and_ended(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    busy.plane.add_node("n2")
    with busy.running():
        began = run(busy, capsys, "maintenance", "n1", "--for", "2h", "--reason", "new disk", "--timeout", "60s")
    assert began.code == 0, began.err
    first, second = began.out.splitlines()
    assert first.startswith("node/n1 in maintenance until 2")
    assert second == "node/n1 drained"
    assert {busy.plane.node_of(name) for name in ("web", "db")} == {"n2"}
    assert "Ready,Maintenance" in run(busy, capsys, "get", "nodes").out
    told = run(busy, capsys, "describe", "node/n1").out
    assert "new disk" in told
    assert "taskyard/maintenance:NoExecute" in told
    assert run(busy, capsys, "maintenance", "n1", "--end").out == "node/n1 out of maintenance\n"
    assert run(busy, capsys, "maintenance", "n1", "--end").out == "node/n1 unchanged\n"
    assert "Maintenance" not in run(busy, capsys, "get", "nodes").out


def test_a_cordon_of_before_stays(busy: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    run(busy, capsys, "cordon", "n1")
    run(busy, capsys, "maintenance", "n1", "--for", "1h", "--no-wait")
    run(busy, capsys, "maintenance", "n1", "--end")
    assert busy.call("GET", "/nodes/n1").json["spec"] == {"cordoned": True}


@pytest.mark.parametrize(
    "wrong", [(), ("--for", "1h", "--end"), ("--end", "--reason", "x")], ids=["neither", "both", "a reason to end"]
)
def test_what_is_no_maintenance(busy: ServedPlane, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]) -> None:
    refused = run(busy, capsys, "maintenance", "n1", *wrong)
    assert (refused.code, "say how long, or that it ends" in refused.err) == (1, True)


def test_a_node_with_an_agent_or_tasks_is_not_deleted_unless_forced(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("web", "db"):
        task = busy.plane.task(name)
        busy.plane.add_task(replace(task, spec=replace(task.spec, on_node_loss=OnNodeLoss(policy="stay"))))
    busy.settle()
    run(busy, capsys, "label", "node", "n1", "disk=ssd")
    refused = run(busy, capsys, "delete", "node/n1")
    assert (refused.code, "the agent of node/n1 runs" in refused.err, "taskyard drain n1" in refused.err) == (
        1,
        True,
        True,
    )
    busy.plane.delete(keys.node_lease("n1"))
    busy.settle()
    refused = run(busy, capsys, "delete", "node/n1")
    assert refused.code == 1
    assert "2 tasks (default/db, default/web) are bound to node/n1" in refused.err
    assert "policy is stay" in refused.err
    assert run(busy, capsys, "delete", "node/n1", "--force").out == "node/n1 deleted\n"


def test_what_puts_up_with_it_waits_for_a_node_that_is_away_and_the_others_do_not(
    busy: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    task = busy.plane.task("db")
    stays = Toleration(key="taskyard/maintenance", operator="Exists")
    busy.plane.add_task(replace(task, spec=replace(task.spec, tolerations=[stays])))
    busy.settle()
    run(busy, capsys, "maintenance", "n1", "--for", "1h", "--no-wait")
    busy.plane.add_node("n2")
    busy.plane.delete(keys.node_lease("n1"))
    busy.plane.live(30)
    assert (busy.plane.node_of("web"), busy.plane.node_of("db")) == ("n2", "n1")
    shown = busy.call("GET", "/tasks/db").json["status"]
    assert (shown["state"], shown["reason"]) == ("Lost", "Maintenance")
