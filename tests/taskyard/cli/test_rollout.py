"""Services on the command line, against a control plane in this process whose agent says that all is well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.cli.main import main
from taskyard.cli.rollouts import awaited_service, judge_rolled_out
from taskyard.cli.waiting import judge_gone
from taskyard.client.service_views import RolloutStatusView, ServiceView
from taskyard.objects import NodeStats, TaskState, TaskUsage
from tests.support.plane import a_spec, a_task, a_uid
from tests.support.served import ServedPlane
from tests.taskyard.cli import conftest

Out = Callable[..., str]
SERVICE = """\
apiVersion: taskyard/v1
kind: Service
metadata: {name: web}
spec:
  replicas: 2
  template:
    spec:
      image: busybox:%s
"""


def run(served: ServedPlane, *, fails: str = "") -> None:
    """Until every task runs what it is to run; one of the image `fails` does not."""
    plane = served.plane
    for _ in range(12):
        plane.settle(plane.services, plane.scheduler, plane.tasks, plane.ownership)
        with plane.cache.lock:
            tasks = [record.task for record in plane.cache.tasks.values() if record.task.binding]
        for task in tasks:
            state = TaskState.FAILED if task.spec.image == fails else TaskState.RUNNING
            plane.report(task.metadata.name, TaskState.COMPLETED if task.metadata.deletion_timestamp else state)
    plane.settle(plane.services, plane.scheduler, plane.tasks, plane.ownership)


@pytest.fixture
def apply(served: ServedPlane, out: Out, tmp_path: Path) -> Callable[[str], None]:
    served.plane.add_node("n1")

    def applied(image: str) -> None:
        path = tmp_path / "web.yaml"
        path.write_text(SERVICE % image)
        out("apply", "-f", str(path))
        run(served)

    applied("1.35")
    return applied


def images(served: ServedPlane) -> set[str]:
    return {record.task.spec.image for record in served.plane.cache.tasks.values()}


@pytest.mark.usefixtures("apply")
def test_get_shows_how_far_it_is(out: Out) -> None:
    header, row = out("get", "services").splitlines()
    assert header.split() == ["NAME", "READY", "UPDATED", "REVISION", "STATUS", "AGE"]
    assert row.split()[:5] == ["web", "2/2", "2/2", "1", "Complete"]
    assert "busybox:1.35" in out("get", "svc/web", "-o", "wide")
    assert "phase: Complete" in out("describe", "service/web")
    assert out("rollout", "status", "web", "--no-wait") == "service/web: Complete: 2 of 2 updated, 2 ready\n"


@pytest.mark.usefixtures("apply")
def test_scale(served: ServedPlane, out: Out) -> None:
    assert out("scale", "service/web", "--replicas", "4") == "service/web scaled to 4\n"
    run(served)
    assert [row.split()[0] for row in out("get", "tasks", "--no-headers").splitlines()] == [
        "web-0",
        "web-1",
        "web-2",
        "web-3",
    ]


def test_history_and_undo(apply: Callable[[str], None], served: ServedPlane, out: Out) -> None:
    for image in ("1.36", "1.37"):
        apply(image)
    rows = [row.split() for row in out("rollout", "history", "web").splitlines()[1:]]
    assert [(row[0], row[3]) for row in rows] == [("1", "busybox:1.35"), ("2", "busybox:1.36"), ("3*", "busybox:1.37")]
    assert out("rollout", "undo", "web", "--to", "1") == "service/web goes back to revision 1\n"
    run(served)
    assert images(served) == {"busybox:1.35"}
    rows = [row.split(maxsplit=4) for row in out("rollout", "history", "web").splitlines()[1:]]
    assert [row[0] for row in rows] == ["2", "3", "4*"]
    assert rows[-1][4] == "undone to revision 1"
    out("rollout", "undo", "web")
    run(served)
    assert images(served) == {"busybox:1.37"}


def test_what_is_done_from_here_is_not_told_of_whoever_declared_it_last(
    apply: Callable[[str], None], served: ServedPlane, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "bert")
    anna = {"metadata": {"annotations": {"taskyard/changed-by": "anna"}}}
    apply("1.36")
    served.call("PATCH", "/services/web", anna, content_type="application/merge-patch+json")
    out("rollout", "undo", "web", "--to", "1")
    run(served)
    served.call("PATCH", "/services/web", anna, content_type="application/merge-patch+json")
    out("rollout", "restart", "web")
    run(served)
    rows = [row.split(maxsplit=4) for row in out("rollout", "history", "web").splitlines()[1:]]
    assert [(row[2], row[4]) for row in rows[-2:]] == [("bert", "undone to revision 1"), ("bert", "restarted")]
    served.call("PATCH", "/services/web", anna, content_type="application/merge-patch+json")
    out("scale", "web", "--replicas", "3")
    assert "bert" in out("history", "service/web").splitlines()[-1]


@pytest.mark.usefixtures("apply")
def test_one_that_went_on_though_all_failed_says_so_and_what_to_do(
    served: ServedPlane, out: Out, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(SERVICE % "bad" + "  update: {onFailure: continue}\n")
    out("apply", "-f", str(path))
    run(served, fails="busybox:bad")
    for look in ([], ["--no-wait"]):
        said = conftest.run(served, capsys, "rollout", "status", "web", *look)
        assert said.code == 1
        assert "Complete: 2 of 2 updated, 0 ready; 2 of 2 tasks fail: task/web-0 failed" in said.out + said.err
        assert "taskyard rollout resume web, or go back: taskyard rollout undo web" in said.out + said.err
    out("rollout", "resume", "web")
    assert "Progressing" in out("get", "service", "web"), "what it has come to before is not what is waited for"
    run(served)
    assert out("rollout", "status", "web", "--no-wait") == "service/web: Complete: 2 of 2 updated, 2 ready\n"


@pytest.mark.usefixtures("apply")
def test_one_that_is_not_ready_for_now_says_where_to_look(served: ServedPlane, out: Out) -> None:
    served.plane.report("web-1", TaskState.STARTING)
    served.plane.settle(served.plane.services)
    said = out("rollout", "status", "web", "--no-wait")
    assert said.endswith("1 ready; 1 of 2 tasks are not ready: taskyard why task/web-1\n")


@pytest.fixture
def canary(apply: Callable[[str], None], served: ServedPlane, out: Out, tmp_path: Path) -> None:
    """It waits to be promoted to 1.36."""
    apply("1.35")
    path = tmp_path / "canary.yaml"
    path.write_text(SERVICE % "1.36" + "  update: {canary: {tasks: 1}}\n")
    out("apply", "-f", str(path))
    run(served)


@pytest.mark.usefixtures("canary")
def test_a_canary_waits_and_says_what_to_do(out: Out) -> None:
    assert "Complete" not in out("get", "services")
    assert out("rollout", "status", "web", "--no-wait") == (
        "service/web: AwaitingPromotion: 1 of 2 updated, 2 ready; 1 of 2 tasks have revision 2; "
        "the others wait until it is promoted: taskyard rollout promote web\n"
    )
    assert "2* canary" in out("rollout", "history", "web")
    assert [row.split()[3] for row in out("endpoints", "web").splitlines()] == ["REVISION", "2", "1"]


@pytest.mark.usefixtures("canary")
def test_a_canary_is_promoted(served: ServedPlane, out: Out) -> None:
    assert out("rollout", "promote", "web") == "revision 2 of service/web goes to all tasks\n"
    run(served)
    assert images(served) == {"busybox:1.36"}
    assert "2* " in out("rollout", "history", "web")
    assert [event.reason for event in served.plane.told("RolloutPromoted")] == ["RolloutPromoted"]


@pytest.mark.usefixtures("canary")
def test_a_canary_is_given_up(served: ServedPlane, out: Out) -> None:
    assert out("rollout", "abort", "web", "--reason", "too slow") == "service/web goes back to revision 1\n"
    run(served)
    assert images(served) == {"busybox:1.35"}
    assert "too slow" in out("rollout", "history", "web")


def test_get_autoscale_shows_what_it_goes_by_and_scale_refuses(
    served: ServedPlane, out: Out, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.plane.add_node("n1")
    path = tmp_path / "auto.yaml"
    resources = "      resources: {cpu: 100m}\n  autoscale: {max: 4, cpu: 60}\n"
    path.write_text(SERVICE % "1.35" + resources)
    out("apply", "-f", str(path))
    run(served)
    usage = {record.uid: TaskUsage(cpu_millis=30) for record in served.plane.cache.tasks.values()}
    served.plane.put(keys.node_stats("n1"), NodeStats(at="now", tasks=usage))
    run(served)
    header, row = out("get", "autoscale").splitlines()
    assert header.split() == ["NAME", "METRICS", "MIN", "MAX", "REPLICAS", "DECIDED", "WHY"]
    assert row.split()[:6] == ["web", "cpu", "30%/60%", "1", "4", "2"]
    assert "1: cpu at 30% of a target of 60%" in out("get", "hpa", "web", "-o", "wide")
    assert "recommended: 1" in out("describe", "service/web")
    assert main(["--server", f"http://127.0.0.1:{served.port}", "scale", "web", "--replicas", "3"]) == 1
    assert "service/web is autoscaled" in capsys.readouterr().err


@pytest.mark.usefixtures("apply")
def test_pause_holds_a_change_and_resume_lets_it_go(served: ServedPlane, out: Out) -> None:
    out("rollout", "pause", "web")
    # The manifest does not say that it is paused, so applying it would resume; a patch of the template does not.
    served.call(
        "PATCH",
        "/services/web",
        {"spec": {"template": {"spec": {"image": "busybox:1.36"}}}},
        content_type="application/merge-patch+json",
    )
    run(served)
    assert images(served) == {"busybox:1.35"}
    out("rollout", "resume", "web")
    run(served)
    assert images(served) == {"busybox:1.36"}


@pytest.mark.usefixtures("apply")
def test_restart_starts_every_task_anew(served: ServedPlane, out: Out) -> None:
    def epochs() -> list[int]:
        return [record.task.binding.epoch for record in served.plane.cache.tasks.values() if record.task.binding]

    before = epochs()
    out("rollout", "restart", "web", "--reason", "a new certificate")
    run(served)
    assert epochs() == [epoch + 1 for epoch in before]
    assert "a new certificate" in out("rollout", "history", "web")


@pytest.mark.usefixtures("apply")
def test_a_restart_of_what_is_paused_says_that_it_waits(out: Out) -> None:
    assert out("rollout", "restart", "web") == "service/web restarts\n"
    out("rollout", "pause", "web")
    assert "it is paused; taskyard rollout resume web" in out("rollout", "restart", "web")


@pytest.mark.usefixtures("apply")
def test_an_abort_that_is_repeated_has_nothing_to_go_back_from(
    served: ServedPlane, out: Out, capsys: pytest.CaptureFixture[str]
) -> None:
    out("rollout", "restart", "web")
    served.plane.settle(served.plane.services)
    assert "goes back to revision 1" in out("rollout", "abort", "web")
    run(served)
    assert main(["--server", f"http://127.0.0.1:{served.port}", "rollout", "abort", "web"]) == 1
    assert "service/web has nothing to go back from" in capsys.readouterr().err


def test_a_task_is_not_scaled(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    served.plane.add_task(a_task("alone", a_uid(7), a_spec(memory="64Mi")))
    served.settle()
    words = ["--server", f"http://127.0.0.1:{served.port}", "scale", "alone", "--replicas", "3"]
    assert main(words) == 1
    assert "task/alone is a task" in capsys.readouterr().err


@pytest.mark.usefixtures("apply")
def test_delete_takes_its_tasks_along(served: ServedPlane, out: Out) -> None:
    assert out("delete", "service/web", "--no-wait") == "service/web deleting\n"
    run(served)
    assert not served.plane.cache.tasks
    assert not served.plane.cache.objects


@pytest.mark.usefixtures("apply")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["rollout", "undo", "web"], "service/web has no earlier template"),
        (["rollout", "undo", "web", "--to", "7"], "there is no revision 7 of service/web"),
        (["rollout", "status", "task/web"], "task/web is not a service"),
        (["rollout", "history", "nope"], "there is no service 'nope' in namespace default"),
        (["rollout", "promote", "web"], "service/web does not wait for a promotion"),
        (["rollout", "abort", "web"], "service/web has nothing to go back from"),
        (["scale", "web"], "say how many tasks the service is to have: --replicas N"),
    ],
)
def test_what_cannot_be_done_is_told(
    served: ServedPlane,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    complaint: str,
) -> None:
    assert main(["--server", f"http://127.0.0.1:{served.port}", *words]) == 1
    assert complaint in capsys.readouterr().err


def test_a_service_that_is_deleted_is_waited_for_until_it_is_gone() -> None:
    awaited = awaited_service("default", "web")
    assert not judge_gone(awaited, ServiceView(status=RolloutStatusView(phase="Deleting"))).settled
    assert judge_gone(awaited, None).settled


@pytest.mark.parametrize(
    ("status", "settled", "failure"),
    [
        pytest.param(("AwaitingPromotion", 3, 3, 1, 3), True, "", id="somebody has to promote it"),
        pytest.param(("Complete", 3, 3, 3, 3), True, "", id="complete"),
        pytest.param(("Complete", 3, 4, 3, 3), False, "", id="a stand-in is still there"),
        pytest.param(("Complete", 5, 3, 3, 3), False, "", id="scaled up"),
        pytest.param(("Progressing", 3, 3, 3, 3), False, "", id="not seen by the controller yet"),
        pytest.param(("Failed", 3, 3, 1, 2), True, "its rollout has failed: exit 1", id="failed"),
        pytest.param(("RolledBack", 3, 3, 3, 3), True, "its rollout has failed: exit 1", id="rolled back"),
    ],
)
def test_what_is_waited_for(status: tuple[str, int, int, int, int], settled: bool, failure: str) -> None:
    phase, wanted, tasks, updated, ready = status
    message = "exit 1" if failure else ""
    found = RolloutStatusView(phase=phase, wanted=wanted, tasks=tasks, updated=updated, ready=ready, message=message)
    verdict = judge_rolled_out(awaited_service("default", "web"), ServiceView(status=found))
    assert (verdict.settled, verdict.failure) == (settled, failure)
