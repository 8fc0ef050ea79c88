"""`describe` tells one object's story: why it waits, where its ports are, how it ended, what happened."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from taskyard.cli.story import event_lines
from taskyard.client.views import AboutView, EventView
from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


def event(name: str, uid: str, reason: str, last_seen: str, **more: Any) -> dict[str, Any]:
    about = {"kind": "Task", "name": name, "uid": uid}
    return {"about": about, "namespace": "default", "reason": reason, "message": "m", "lastSeen": last_seen, **more}


@pytest.fixture(autouse=True)
def cluster(api: FakeApi) -> None:
    api.nodes["n1"] = {
        "metadata": {"name": "n1"},
        "spec": {"cordoned": True},
        "status": {"ready": True, "address": "10.0.0.5:7000", "labels": {"disk": "ssd"}, "tasks": 1},
    }
    api.put(
        "web",
        spec={"ports": [{"container": 80, "host": "auto", "name": "http"}]},
        ports=[{"container": 80, "host": 32768, "name": "http"}],
        lastExit={"attempt": 1, "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-31T12:00:00Z"},
    )
    api.put("waits", "Pending", epoch=0, node="", reason="Unschedulable", message="n1: memory\nn2: cordoned")
    uid = api.tasks["default", "web"]["metadata"]["uid"]
    api.events = [
        event("web", uid, "Started", "2026-01-31T12:00:05Z"),
        event("web", uid, "Scheduled", "2026-01-31T12:00:00Z"),
        event("web", "of-an-earlier-web", "Failed", "2026-01-31T11:00:00Z"),
        event("other", "", "Scheduled", "2026-01-31T12:00:00Z"),
    ]


def test_a_running_task(cli: Cli) -> None:
    out = cli("describe", "task/web").out
    assert "State:        Running\n" in out
    assert "  http: 10.0.0.5:32768 -> 80/tcp\n" in out
    assert "attempt 1: exit code 137, OOMKilled, " in out
    assert "  image: busybox:1.35\n" in out
    assert out.index("Scheduled") < out.index("Started"), "the timeline is oldest first"
    assert "Failed" not in out, "the events of an earlier task of that name are not its own"


def test_a_pending_task_says_why_for_each_node(cli: Cli) -> None:
    out = cli("describe", "waits").out
    assert "Why:\n  n1: memory\n  n2: cordoned\n" in out
    assert "Events:       none in the last hour\n" in out


def test_a_node(cli: Cli) -> None:
    out = cli("describe", "node", "n1").out
    assert "Status:       Ready,Cordoned\n" in out
    assert "  disk=ssd\n" in out
    assert "  default     web     Running   0\n" in out


def test_all_with_a_label(cli: Cli, api: FakeApi) -> None:
    api.put("labelled", labels={"app": "web"})
    out = cli("describe", "-l", "app=web").out
    assert (out.count("Name:"), "Name:         labelled\n" in out) == (1, True)
    run = cli("describe", "-l", "app=nothing")
    assert (run.err, run.code) == ("error: there are no tasks with app=nothing in namespace 'default'\n", 1)
    assert "cannot be used together with names" in cli("describe", "web", "-l", "app=web").err
    assert "name what to describe" in cli("describe").err


def test_several_and_one_that_is_not_there(cli: Cli) -> None:
    run = cli("describe", "task/web", "task/nothing", "node/n1")
    assert run.out.count("Name:") == 2
    assert run.err == "error: there is no task default/nothing\n"
    assert run.code == 1


def test_events(cli: Cli, api: FakeApi) -> None:
    rows = [line.split()[1:4] for line in cli("events", "--for", "task/other").out.splitlines()]
    assert rows[1:] == [["Normal", "Scheduled", "task/other"]]
    assert api.requests[-1] == "GET /events?namespace=default&kind=Task&name=other&owned=1"
    assert cli("events", "--for", "task/web").out.count("task/web") == 3
    assert cli("get", "events", "-o", "name").out.splitlines()[0] == "event/task.web.Failed"


def test_which_events(cli: Cli, api: FakeApi) -> None:
    cli("events", "--types", "warning")
    assert api.requests[-1] == "GET /events?namespace=default&type=Warning"
    run = cli("events", "--since", "5m", "--types", "Warning", "--for", "node/n9")
    assert api.requests[-1].startswith("GET /events?kind=Node&name=n9&owned=1&type=Warning&since=20")
    assert run.err == "there are no Warning events about node/n9 of the last 5m\n"


def test_the_timeline_keeps_within_its_columns_and_says_about_what_it_is() -> None:
    message = (
        "its health check failed 3 times in a row, the last with exit code 1 and a long text about why: " + "x" * 60
    )
    events = [
        told("Service", "web", "RolloutStarted", "revision 2 is rolled out"),
        told("Task", "web-0", "Unhealthy", message, type="Warning"),
    ]
    lines = event_lines(events, "web", 1_800_000_000.0, width=100, colour=False)
    assert max(map(len, lines)) <= 100
    assert "service/web" in lines[2]
    assert "task/web-0" in lines[3]
    assert "".join("".join(line.split()) for line in lines).count("x" * 60) == 1
    assert lines[3].split()[1:3] == ["!", "Unhealthy"], "a warning is marked"
    again = msgspec.structs.replace(events[0], count=4, first_seen="2026-01-31T11:00:00Z")
    assert event_lines([again], "web", 1_800_000_000.0, width=100, colour=False)[2].endswith(
        "rolled out (x4 over 348d)"
    )
    alone = event_lines(events[:1], "web", 1_800_000_000.0, width=100, colour=False)
    assert "OBJECT" not in alone[1]


def test_of_very_many_events_the_newest_are_told() -> None:
    events = [
        told("Task", "web", "Started", f"attempt {number}", f"2026-01-31T12:00:{number:02d}Z") for number in range(60)
    ]
    lines = event_lines(events, "web", 1_800_000_000.0, width=100, colour=False)
    assert lines[1] == "  and 20 earlier ones: taskyard events tells all"
    assert "attempt 59" in lines[-1]
    assert len(lines) == 43


def told(
    kind: str, name: str, reason: str, message: str, at: str = "2026-01-31T12:00:00Z", type: str = "Normal"
) -> EventView:
    about = AboutView(kind=kind, name=name)
    return EventView(about=about, type=type, reason=reason, message=message, first_seen=at, last_seen=at)
