"""What is asked for and is not there, or is not there yet, is said as it is."""

from __future__ import annotations

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Cron,
    CronSpec,
    JobSpec,
    JobTemplate,
    Metadata,
    Namespace,
    NamespaceSpec,
    TaskSpec,
    TaskTemplate,
)
from tests.controlplane.services.web import a_service
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import run


def test_events_of_a_namespace_that_is_not_there_say_so(
    served: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        "namespace 'defualt', which does not exist; did you mean default?"
        in run(served, capsys, "events", "-n", "defualt").err
    )
    assert "exist" not in run(served, capsys, "events").err
    assert "there are no events about task/n1 of the" in run(served, capsys, "events", "--for", "n1").err


def test_a_service_that_is_not_autoscaled_says_nothing_of_it(
    served: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    served.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), a_service())
    served.settle()
    assert "autoscale" not in run(served, capsys, "describe", "service/web").out


def test_the_history_of_a_service_whose_record_cannot_be_read_says_why_it_is_empty(
    served: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    served.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), a_service())
    served.plane.put(keys.rollout("default", "web"), b"{")
    served.settle()
    assert "no revision of service/web is known" in run(served, capsys, "rollout", "history", "web").err
    assert served.call("GET", "/services/web/revisions").json["message"]


def test_a_cron_is_described_with_when_it_runs_next(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    template = TaskTemplate(spec=TaskSpec(image="busybox:1.36"))
    cron = Cron(
        metadata=Metadata(name="nightly", uid="0" * 11 + "7", generation=1),
        spec=CronSpec(schedule="0 3 * * *", template=JobTemplate(spec=JobSpec(template=template))),
    )
    served.plane.put(keys.object_key(ObjectKey("Cron", "default", "nightly")), cron)
    served.settle()
    assert "next: in " in run(served, capsys, "describe", "cron/nightly").out


def test_the_help_names_what_an_option_takes(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(served, capsys, "-h").out
    assert "--port PORT" in told
    assert not any(word in told for word in ("TEXT", "INTEGER", "RANGE"))


def test_who_asks_for_a_task_by_the_name_of_a_service_is_told_of_the_service(
    served: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    served.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), a_service())
    served.settle()
    for command in ("describe", "logs", "why", "history", "delete"):
        told = run(served, capsys, command, "web")
        assert told.err.splitlines()[0].endswith(": there is service/web"), told.err
        assert told.code == 1


def test_a_namespace_is_described_as_in_no_namespace(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    team = Namespace(metadata=Metadata(name="team", uid="0" * 11 + "8", generation=1), spec=NamespaceSpec())
    served.plane.put(keys.object_key(ObjectKey("Namespace", "", "team")), team)
    served.settle()
    told = run(served, capsys, "describe", "ns/team").out
    assert "Name:         team\n" in told
    assert "Namespace:" not in told
