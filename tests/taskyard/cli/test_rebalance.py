"""`taskyard rebalance`, against a control plane in this process whose loops run meanwhile."""

from __future__ import annotations

import json

import pytest

from taskyard.cli.main import main
from taskyard.objects import TaskState
from tests.support.plane import a_spec, a_task, a_uid
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Run


@pytest.fixture
def crowded(served: ServedPlane) -> ServedPlane:
    served.plane.add_node("n1")
    for number in range(4):
        served.plane.add_task(a_task(f"web-{number}", a_uid(number), a_spec(cpu="500m", memory="512Mi")))
    served.settle()
    served.plane.add_node("n2")
    served.settle()
    return served


def rebalance(served: ServedPlane, capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    capsys.readouterr()
    code = int(main(["--server", f"http://127.0.0.1:{served.port}", "rebalance", *arguments]))
    captured = capsys.readouterr()
    return Run(code, captured.out, captured.err)


def nodes(served: ServedPlane) -> list[str]:
    return [served.plane.node_of(f"web-{number}") for number in range(4)]


def test_the_plan_shows_each_move_and_changes_nothing(crowded: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    run = rebalance(crowded, capsys, "--plan", "--max-moves", "1")
    lines = run.out.splitlines()
    assert (run.code, run.err) == (2, "")
    assert lines[1].split() == ["default", "web-0", "n1", "n2", "+0.375"]
    assert lines[-1].startswith("1 move: unevenness 25.0% -> 12.5%, empty nodes 1 -> 0; at revision ")
    assert json.loads(rebalance(crowded, capsys, "--plan", "-o", "json").out)["movable"] == 4
    assert nodes(crowded) == ["n1"] * 4


def test_the_moves_are_done_one_after_the_other(crowded: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    with crowded.running():
        run = rebalance(crowded, capsys, "--stable", "0s")
    assert (run.code, run.out) == (0, "task/web-0 moved to n2\ntask/web-1 moved to n2\n"), run.err
    assert nodes(crowded) == ["n2", "n2", "n1", "n1"]
    again = rebalance(crowded, capsys, "--plan")
    assert (again.code, again.out) == (0, "nothing to gain: no move is worth its restart; 4 tasks could be moved\n")


def test_a_task_that_has_to_go_on_running_is_said_to_run_once(
    crowded: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    with crowded.running():
        run = rebalance(crowded, capsys, "--max-moves", "1", "--stable", "100ms")
    assert run.code == 0, run.err
    assert run.err.splitlines().count("task/web-0: Running") == 1, run.err


def test_it_stops_at_the_first_that_does_not_run(crowded: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    with crowded.running(TaskState.FAILED):
        run = rebalance(crowded, capsys, "--stable", "0s")
    assert (run.code, run.out) == (1, "")
    assert "error: task/web-0 does not run: " in run.err
    assert "nothing more was moved" in run.err
    assert nodes(crowded) == ["n2", "n1", "n1", "n1"]
