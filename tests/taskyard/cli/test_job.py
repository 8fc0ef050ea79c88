"""Jobs on the command line, against a control plane in this process whose agents say what becomes of tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.cli.jobs import awaited_job, judge_complete
from taskyard.cli.main import main
from taskyard.client.views import JobStatusView, JobView
from taskyard.objects import Result, TaskState
from tests.support.served import ServedPlane

Out = Callable[..., str]
JOB = """\
apiVersion: taskyard/v1
kind: Job
metadata: {name: resize}
spec:
  completions: 3
  parallelism: 2
  template:
    spec:
      image: busybox:1.35
"""


def settle(served: ServedPlane) -> None:
    plane = served.plane
    for _ in range(3):
        plane.settle(plane.jobs, plane.scheduler, plane.tasks, plane.ownership)
        plane.clock.advance(0.3)
        plane.elector.step()
    plane.settle(plane.jobs, plane.scheduler, plane.tasks, plane.ownership)


def end_all(served: ServedPlane, code: int = 0) -> None:
    """Every task that is there ends, or has stopped where that was asked for."""
    with served.plane.cache.lock:
        tasks = [record.task for record in served.plane.cache.tasks.values() if record.task.binding]
    for task in tasks:
        metadata = task.metadata
        going = bool(metadata.deletion_timestamp)
        served.plane.report(metadata.name, TaskState.FAILED if code and not going else TaskState.COMPLETED)
        if not going and metadata.owner is not None and metadata.uid not in served.plane.cache.results:
            made = Result(
                uid=metadata.uid, job=metadata.owner.uid, namespace="default", name=metadata.name, epoch=1,
                succeeded=code == 0, exit_code=code, message=f"exited with code {code}",
            )  # fmt: skip
            served.plane.put(keys.result(metadata.uid), made)
    settle(served)


@pytest.fixture
def applied(served: ServedPlane, out: Out, tmp_path: Path) -> Path:
    served.plane.add_node("n1")
    path = tmp_path / "resize.yaml"
    path.write_text(JOB)
    assert out("apply", "-f", str(path)) == "job/resize created\n"
    settle(served)
    return path


@pytest.mark.usefixtures("applied")
def test_get_and_describe_show_how_far_it_is(served: ServedPlane, out: Out) -> None:
    header, row = out("get", "jobs").splitlines()
    assert header.split() == ["NAME", "DONE", "ACTIVE", "FAILED", "STATUS", "AGE"]
    assert row.split()[:5] == ["resize", "0/3", "2", "0", "Running"]
    end_all(served)
    end_all(served)
    assert out("get", "job/resize", "--no-headers").split()[:5] == ["resize", "3/3", "0", "0", "Complete"]
    described = out("describe", "job/resize")
    assert "succeededIndexes: '0-2'" in described
    assert "3 of 3 tasks succeeded" in described
    assert (
        out("job", "status", "resize", "--no-wait")
        == "job/resize: Complete: 3 of 3 done, 0 active; 3 of 3 tasks succeeded\n"
    )


def test_a_failure_is_told_with_its_reason(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    served.plane.add_node("n1")
    manifest = JOB.replace("  parallelism: 2\n", "  retry: {limit: 0}\n")
    assert served.call("POST", "/jobs", manifest.encode(), content_type="application/yaml").status_code == 201
    settle(served)
    end_all(served, code=3)
    assert main(["--server", f"http://127.0.0.1:{served.port}", "job", "status", "resize"]) == 1
    assert "RetryLimit: 1 failures are more than retry.limit" in capsys.readouterr().err


@pytest.mark.usefixtures("applied")
def test_suspend_and_resume(served: ServedPlane, out: Out) -> None:
    assert out("job", "suspend", "job/resize") == "job/resize suspended\n"
    settle(served)
    end_all(served)
    assert out("get", "jobs", "--no-headers").split()[:5] == ["resize", "0/3", "0", "0", "Suspended"]
    assert not served.plane.cache.tasks
    assert out("job", "resume", "resize") == "job/resize resumed\n"
    settle(served)
    assert out("get", "jobs", "--no-headers").split()[2] == "2"


@pytest.mark.usefixtures("applied")
def test_run_makes_another_with_the_same_spec(served: ServedPlane, out: Out) -> None:
    end_all(served)
    end_all(served)
    assert out("job", "run", "resize", "--name", "again") == "job/again created\n"
    settle(served)
    rows = [row.split()[:2] for row in out("get", "jobs", "--no-headers").splitlines()]
    assert rows == [["again", "0/3"], ["resize", "3/3"]]


def test_a_cron_is_shown_suspended_and_run_now(served: ServedPlane, out: Out, tmp_path: Path) -> None:
    path = tmp_path / "nightly.yaml"
    indented = "".join(f"    {line}\n" for line in JOB.partition("spec:\n")[2].splitlines())
    cron = JOB.replace("kind: Job", "kind: Cron").replace("resize", "nightly").partition("spec:\n")[0]
    schedule = 'spec:\n  schedule: "0 3 * * *"\n  timeZone: Europe/Berlin\n  template:\n    spec:\n'
    path.write_text(cron + schedule + indented)
    assert out("apply", "-f", str(path)) == "cron/nightly created\n"
    served.plane.settle(served.plane.crons)
    header, row = out("get", "crons").splitlines()
    assert header.split() == ["NAME", "SCHEDULE", "ZONE", "SUSPENDED", "ACTIVE", "LAST", "NEXT", "AGE"]
    assert row.split()[:8] == ["nightly", "0", "3", "*", "*", "*", "Europe/Berlin", "no"]
    assert out("job", "suspend", "cron/nightly") == "cron/nightly suspended\n"
    assert out("get", "crons", "--no-headers").split()[7] == "yes"
    assert out("job", "resume", "cron/nightly") == "cron/nightly resumed\n"
    assert out("job", "run", "cron/nightly", "--name", "tonight") == "job/tonight created\n"
    assert out("get", "job/tonight", "--no-headers").split()[1] == "0/3"
    assert "schedule: 0 3 * * *" in out("describe", "cron/nightly")


def test_a_job_with_parameters_runs_when_it_is_dispatched(
    served: ServedPlane, out: Out, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.plane.add_node("n1")
    parameters = "  parameters: {required: [INPUT], optional: [QUALITY], payload: required}\n"
    path, payload = tmp_path / "resize.yaml", tmp_path / "payload"
    path.write_text(JOB.replace("  parallelism: 2\n", parameters))
    payload.write_text("crop: true\n")
    out("apply", "-f", str(path))
    settle(served)
    assert not served.plane.cache.tasks
    assert out("get", "jobs", "--no-headers").split()[4] == "Parameterised"
    options = ("-a", "INPUT=1.jpg", "--payload", str(payload))
    assert out("job", "dispatch", "resize", *options, "--name", "first") == "job/first created\n"
    settle(served)
    env = served.plane.task("first-0").spec.env
    assert env == {"INPUT": "1.jpg", "TASKYARD_PAYLOAD": "crop: true\n"}
    server = f"http://127.0.0.1:{served.port}"
    for words, said in (
        (["--payload", str(payload)], "needs INPUT: add INPUT=VALUE"),
        (["-a", "INPUT=1"], "needs a payload"),
        (["-a", "INPUT=1", "-a", "SIZE=2", "--payload", str(payload)], "no parameter SIZE"),
        (["-a", "INPUT"], "write NAME=VALUE"),
        ([*options, "--name", "first"], "exists already"),
        ([*options, "--name", "UPPER"], "metadata.name"),
    ):
        assert main(["--server", server, "job", "dispatch", "resize", *words]) != 0
        assert said in capsys.readouterr().err


def test_its_template_stays_as_it_was(applied: Path, served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    server = f"http://127.0.0.1:{served.port}"
    applied.write_text(JOB.replace("1.35", "1.36"))
    assert main(["--server", server, "apply", "-f", str(applied)]) != 0
    told = capsys.readouterr().err
    assert "spec.template of job/resize cannot be changed" in told
    assert "another name" in told
    applied.write_text(JOB.replace("parallelism: 2", "parallelism: 3"))
    assert main(["--server", server, "apply", "-f", str(applied)]) == 0


@pytest.mark.parametrize(
    ("phase", "settled", "failed"),
    [("Running", False, False), ("Complete", True, False), ("Failed", True, True), ("Suspended", True, True)],
)
def test_what_is_waited_for(phase: str, settled: bool, failed: bool) -> None:
    verdict = judge_complete(awaited_job("default", "a"), JobView(status=JobStatusView(phase=phase)))
    assert (verdict.settled, bool(verdict.failure)) == (settled, failed)


@pytest.mark.parametrize("words", [["job", "status", "nope"], ["job", "status", "nope", "--no-wait"]], ids=" ".join)
def test_a_job_that_never_was_is_not_waited_for(
    served: ServedPlane, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["--server", f"http://127.0.0.1:{served.port}", *words]) == 1
    assert capsys.readouterr().err == "error: there is no job 'nope' in namespace default\n"
