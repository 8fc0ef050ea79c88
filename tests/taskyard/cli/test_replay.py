"""`taskyard replay`, against a control plane in this process."""

from __future__ import annotations

import json

import pytest

from taskyard.cli.main import main
from tests.support.plane import a_spec, a_task, a_uid
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Run


def replay(served: ServedPlane, capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    capsys.readouterr()
    code = int(main(["--server", f"http://127.0.0.1:{served.port}", "replay", *arguments]))
    captured = capsys.readouterr()
    return Run(code, captured.out, captured.err)


@pytest.fixture
def lived(served: ServedPlane) -> ServedPlane:
    served.plane.add_node("n1")
    served.plane.add_node("n2")
    for number in range(2):
        served.plane.add_task(a_task(f"web-{number}", a_uid(number), a_spec(memory="512Mi")))
        served.settle()
    return served


def test_the_same_policy_decides_the_same(lived: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    run = replay(lived, capsys)
    assert (run.code, run.err) == (0, "")
    assert "2 decisions from revision 2 to " in run.out
    assert "again, with spread: 2 the same, 0 other\nhistory goes back to revision 1\n" in run.out


def test_another_policy(lived: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    run = replay(lived, capsys, "--policy", "binpack", "--from", "2")
    assert run.code == 2
    assert run.out.splitlines()[1].split()[2:] == ["default", "web-1", "n2", "n1"]
    assert json.loads(replay(lived, capsys, "--policy", "binpack", "-o", "json").out)["same"] == 1


def test_what_cannot_be(lived: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    run = replay(lived, capsys, "--from", "999999")
    assert run.code == 1
    assert "it ends before it begins" in run.err
    assert "--from" in replay(lived, capsys, "--from", "yesterday").err
    assert replay(lived, capsys, "--from", "5m").code == 0
