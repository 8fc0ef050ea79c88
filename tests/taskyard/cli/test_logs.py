"""`logs` writes the bytes as they are, and with -f waits for a task that has none yet."""

from __future__ import annotations

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def log(api: FakeApi) -> None:
    api.put("web")
    api.put("slow", "Pending", reason="Unschedulable", message="n1: memory")
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


def test_a_task_named_like_a_kind(cli: Cli, api: FakeApi) -> None:
    api.put("tasks")
    assert cli("logs", "tasks").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nothing"], "there is no task default/nothing", id="no such task"),
        pytest.param(["node/n1"], "node/n1 is not a task", id="node"),
        pytest.param(["web", "slow"], "one object", id="two"),
        pytest.param(["web", "--since", "soon"], "'soon' is not a duration", id="since"),
    ],
)
def test_what_makes_no_sense(cli: Cli, words: list[str], said: str) -> None:
    run = cli("logs", *words)
    assert said in run.err
    assert run.code == 1
