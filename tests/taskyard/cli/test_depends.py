"""What the command line says of tasks that wait for others: why, plan, and the refusal of a circle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taskyard.cli.main import main
from tests.support.served import ServedPlane

Out = Callable[..., str]
REPORT = """\
apiVersion: taskyard/v1
kind: Task
metadata: {name: report}
spec:
  image: busybox:1.35
  dependsOn: [{kind: Job, name: load}]
"""
CIRCLE = """\
apiVersion: taskyard/v1
kind: Job
metadata: {name: load}
spec: {template: {spec: {image: busybox:1.35, dependsOn: [{kind: Task, name: report}]}}}
"""


@pytest.fixture
def report(served: ServedPlane, tmp_path: Path) -> Path:
    served.plane.add_node("n1")
    path = tmp_path / "report.yaml"
    path.write_text(REPORT)
    return path


def test_a_plan_says_what_it_would_wait_for(
    report: Path, served: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    code = int(main(["--server", f"http://127.0.0.1:{served.port}", "plan", "-f", str(report)]))
    told = capsys.readouterr().out
    assert code == 2
    assert "task/report waits for job/load to be completed (it is not there)" in " ".join(told.split())
    assert "not fit" not in told


def test_why_says_what_it_waits_for(report: Path, served: ServedPlane, out: Out) -> None:
    out("apply", "-f", str(report))
    served.plane.settle(served.plane.scheduler)
    told = out("why", "report")
    assert "Pending (Dependencies)" in told
    assert "waits for job/load to be completed (it is not there)" in told
    assert "would take it" not in told


def test_a_circle_is_refused_with_the_way_around(
    report: Path, served: ServedPlane, out: Out, capsys: pytest.CaptureFixture[str]
) -> None:
    out("apply", "-f", str(report))
    report.write_text(CIRCLE)
    for words in (["apply"], ["apply", "--dry-run"]):
        assert main(["--server", f"http://127.0.0.1:{served.port}", *words, "-f", str(report)]) != 0
        told = capsys.readouterr().err
        assert "job/load waits for task/report, which waits for job/load" in told
