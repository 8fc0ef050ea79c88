"""`logs` writes the bytes as they are, and with -f waits for a task that has none yet."""

from __future__ import annotations

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def log(api: FakeApi) -> None:
    api.put("web")
    api.put("slow", "Pending", reason="Unschedulable", message="n1: memory")
    for name, state in (("a", "Completed"), ("longer", "Failed"), ("later", "Pending")):
        api.put(name, state, labels={"app": "web"})
    api.logs = ["grüß\n".encode(), b"no newline at the end"]


@pytest.mark.parametrize("words", [["web"], ["task/web"], ["task", "web"]], ids=" ".join)
def test_the_log_as_it_is(cli: Cli, words: list[str]) -> None:
    run = cli("logs", *words)
    assert (run.out, run.err, run.code) == ("grüß\nno newline at the end", "", 0)


def test_options_reach_the_server(cli: Cli, api: FakeApi) -> None:
    cli("logs", "web", "-f", "--tail", "5", "--since", "1m30s", "-t", "-p", "-n", "default")
    assert api.requests == [
        "GET /tasks/web/logs?namespace=default&follow=1&tail=5&since=90&timestamps=1&previous=1",
    ]


def test_a_task_without_a_container_is_an_error(cli: Cli) -> None:
    run = cli("logs", "slow")
    assert (run.out, run.err, run.code) == ("", "error: task/slow has no container yet, it is Pending\n", 1)


def test_follow_waits_for_the_container(cli: Cli, api: FakeApi) -> None:
    thread = api.when_watched(lambda: api.put("slow", "Running"))
    run = cli("logs", "slow", "-f")
    thread.join()
    assert run.out == "grüß\nno newline at the end"
    assert "it is Pending; waiting for it to start\n" in run.err
    assert "Unschedulable: n1: memory" in run.err


@pytest.mark.parametrize(
    ("flags", "prefixes"),
    [
        pytest.param(["-l", "app=web"], ["a      | ", "longer | "], id="by label"),
        pytest.param(["a", "longer"], ["a      | ", "longer | "], id="by name"),
        pytest.param(["-l", "app=web", "--no-prefix"], ["", ""], id="no prefix"),
    ],
)
def test_several_logs_have_the_name_on_each_line(cli: Cli, flags: list[str], prefixes: list[str]) -> None:
    run = cli("logs", *flags)
    assert run.out == "".join(f"{prefix}grüß\n{prefix}no newline at the end\n" for prefix in prefixes)
    assert ("task/later has no container yet, it is Pending" in run.err) == ("-l" in flags)
    assert run.code == 0


def test_one_log_with_a_prefix(cli: Cli) -> None:
    assert cli("logs", "a", "--prefix").out == "a | grüß\na | no newline at the end\n"


def test_several_are_followed_and_those_that_come_are_taken_up(cli: Cli, api: FakeApi) -> None:
    thread = api.when_watched(lambda: api.put("later", "Completed"))
    run = cli("logs", "-f", "-l", "app=web", "--no-prefix")
    thread.join()
    # Each line whole, and those of one task in their order; among the tasks there is none.
    assert sorted(run.out.splitlines()) == ["grüß"] * 3 + ["no newline at the end"] * 3
    assert run.code == 0


def test_a_restart_is_followed_too(cli: Cli, api: FakeApi) -> None:
    api.remove("later")
    api.put("longer", "Running", attempt=1)
    thread = api.when_watched(lambda: api.put("longer", "Failed", attempt=2))
    run = cli("logs", "-f", "-l", "app=web")
    thread.join()
    assert run.out.count("longer | grüß\n") == 2


def test_one_of_several_that_is_not_there_is_an_error(cli: Cli) -> None:
    run = cli("logs", "a", "slow", "nothing")
    assert "there is no task default/nothing" in run.err
    assert run.code == 1


@pytest.mark.parametrize("owner", ["service", "job"])
def test_the_logs_of_all_that_a_service_or_a_job_made(cli: Cli, api: FakeApi, owner: str) -> None:
    for name, of in (("shop-0", "shop"), ("shop-1", "shop"), ("other-0", "other")):
        api.put(name, labels={f"taskyard/{owner}": of})
    run = cli("logs", f"{owner}/shop", "--tail", "5")
    assert [line.split(" | ")[0] for line in run.out.splitlines()] == ["shop-0", "shop-0", "shop-1", "shop-1"]
    assert run.code == 0


def test_a_task_named_like_a_kind(cli: Cli, api: FakeApi) -> None:
    api.put("tasks")
    assert cli("logs", "tasks").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nothing"], "there is no task default/nothing", id="no such task"),
        pytest.param(["node/n1"], "node/n1 is not a task", id="node"),
        pytest.param(["svc/web"], "there are no tasks of service/web in namespace", id="service without tasks"),
        pytest.param(["web", "node/n1"], "only tasks have logs", id="node among tasks"),
        pytest.param(["web", "-l", "app=web"], "cannot be used together with names", id="names and labels"),
        pytest.param(["-l", "app=nothing"], "there are no tasks with app=nothing", id="no match"),
        pytest.param(["-f", "-l", "app=nothing"], "there are no tasks that match", id="no match to follow"),
        pytest.param(["-f", "-l", "app=web", "--max-log-requests", "1"], "more than 1 tasks match", id="too many"),
        pytest.param(["web", "--since", "soon"], "'soon' is not a duration", id="since"),
    ],
)
def test_what_makes_no_sense(cli: Cli, words: list[str], said: str) -> None:
    run = cli("logs", *words)
    assert said in run.err
    assert run.code == 1
