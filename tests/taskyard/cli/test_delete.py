"""`delete` says `deleted` once a task is gone, and not before."""

from __future__ import annotations

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def tasks(api: FakeApi) -> None:
    api.put("web", labels={"app": "web"})
    api.put("db")
    api.put("far", namespace="other")


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        pytest.param(["task/web"], ["web"], id="kind/name"),
        pytest.param(["task", "web", "db"], ["web", "db"], id="kind and names"),
        pytest.param(["web"], ["web"], id="name"),
        pytest.param(["-l", "app=web"], ["web"], id="selector"),
        pytest.param(["tasks", "-l", "app=web"], ["web"], id="kind and selector"),
        pytest.param(["--all"], ["db", "web"], id="all of the namespace"),
        pytest.param(["far", "-n", "other"], ["far"], id="namespace"),
    ],
)
def test_ways_to_name_them(cli: Cli, api: FakeApi, words: list[str], gone: list[str]) -> None:
    run = cli("delete", *words)
    assert sorted(run.out.splitlines()) == sorted(f"task/{name} deleted" for name in gone)
    assert run.code == 0
    assert api.requests.count("POST /delete") == 1


def test_waits_until_it_is_gone(cli: Cli, api: FakeApi) -> None:
    api.holds_deletions = True

    thread = api.when_watched(lambda: api.remove("web"))
    run = cli("delete", "web")
    thread.join()
    assert run.out == "task/web deleted\n"
    assert "task/web: Stopping: Deleted\n" in run.err


def test_a_new_task_of_that_name_is_another(cli: Cli, api: FakeApi) -> None:
    uid = api.tasks["default", "web"]["metadata"]["uid"]
    run = cli("delete", "web")
    assert run.out == "task/web deleted\n"
    assert api.put("web")["metadata"]["uid"] != uid


def test_no_wait(cli: Cli, api: FakeApi) -> None:
    api.holds_deletions = True
    run = cli("delete", "web", "--no-wait", "--grace-period", "1m")
    assert run.out == "task/web deleting\n"
    assert api.requests[0] == "POST /delete?gracePeriod=60"


def test_time_runs_out(cli: Cli, api: FakeApi) -> None:
    api.holds_deletions = True
    run = cli("delete", "web", "--timeout", "100ms")
    assert run.out == ""
    assert "error: task/web is not gone after 100ms: Stopping: Deleted\n" in run.err
    assert run.code == 1


def test_what_is_not_there(cli: Cli) -> None:
    run = cli("delete", "nothing", "web")
    assert run.out == "task/web deleted\n"
    assert "error: there is no task default/nothing\n" in run.err
    assert run.code == 1
    assert cli("delete", "nothing", "--ignore-not-found").code == 0


def test_what_a_folder_declares_needs_force(cli: Cli, api: FakeApi) -> None:
    api.tasks["default", "web"]["metadata"]["source"] = "folder/demo"
    run = cli("delete", "web")
    assert "is declared by folder/demo" in run.err
    assert run.code == 1
    assert cli("delete", "web", "--force").out == "task/web deleted\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "say what to delete", id="nothing"),
        pytest.param(["web", "--all"], "in one way only", id="two ways"),
        pytest.param(["nodes"], "name the node", id="all nodes"),
        pytest.param(["events"], "go by themselves", id="events"),
        pytest.param(["taks"], "did you mean 'tasks'?", id="slip"),
    ],
)
def test_what_makes_no_sense(cli: Cli, api: FakeApi, words: list[str], said: str) -> None:
    run = cli("delete", *words)
    assert said in run.err
    assert run.code == 1
    assert api.deletions == []


def test_a_node_that_is_gone_is_deleted_and_one_that_runs_is_not(cli: Cli, api: FakeApi) -> None:
    api.put_node("n1")
    api.put_node("n2", ready=False, cordoned=True)
    run = cli("delete", "node", "n1", "n2", "n3")
    assert (run.out, run.code) == ("node/n2 deleted\n", 1)
    assert "the agent of node/n1 runs" in run.err
    assert "no node n3" in run.err
    assert list(api.nodes) == ["n1"]
    assert cli("delete", "node/n3", "--ignore-not-found").code == 0
