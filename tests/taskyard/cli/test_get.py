"""What `get` prints: kubectl's kind of table, JSON and YAML for programs, and plain words for what is not there."""

from __future__ import annotations

import json

import pytest

from taskyard.cli.main import main
from tests.support.fake_api import FakeApi
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def tasks(api: FakeApi) -> None:
    api.put("web", labels={"app": "web"}, ports=[{"container": 80, "host": 32768, "address": "10.0.0.5"}])
    api.put("a-long-name", "Pending", epoch=0, node="", reason="Unschedulable", message="n1: memory\nn2: cordoned")
    api.put("batch", "Completed", namespace="jobs")


def columns(line: str) -> list[str]:
    return line.split()


def test_the_table_is_aligned_and_on_stdout(cli: Cli) -> None:
    run = cli("get", "tasks")
    header, first, second = run.out.splitlines()
    assert columns(header) == ["NAME", "STATE", "READY", "NODE", "RESTARTS", "AGE"]
    assert columns(first)[:5] == ["a-long-name", "Pending", "no", "-", "0"]
    assert columns(second)[:5] == ["web", "Running", "yes", "n1", "0"]
    assert header.index("STATE") == first.index("Pending") == second.index("Running")
    assert run.err == ""
    assert run.code == 0


@pytest.mark.parametrize("words", [[], ["task"], ["tasks"], ["t"], ["TASKS"]], ids=" ".join)
def test_every_word_for_tasks(cli: Cli, words: list[str]) -> None:
    assert "web" in cli("get", *words).out


def test_wide_says_why(cli: Cli) -> None:
    run = cli("get", "-o", "wide")
    assert "Unschedulable: n1: memory n2: cordoned" in run.out
    assert "10.0.0.5:32768->80/tcp" in run.out


def test_namespaces(cli: Cli) -> None:
    assert "batch" in cli("get", "-n", "jobs").out
    assert "batch" in cli("-n", "jobs", "get").out
    every = cli("get", "-A").out.splitlines()
    assert columns(every[0])[:2] == ["NAMESPACE", "NAME"]
    assert [columns(line)[:2] for line in every[1:]] == [
        ["default", "a-long-name"],
        ["default", "web"],
        ["jobs", "batch"],
    ]


def test_by_label(cli: Cli, api: FakeApi) -> None:
    assert cli("get", "-l", "app=web", "-o", "name").out == "task/web\n"
    assert "labelSelector=app%3Dweb" in api.requests[-1]


@pytest.mark.parametrize("words", [["task/web"], ["task", "web"], ["web"], ["t/web"]], ids=" ".join)
def test_one_by_name_is_that_object(cli: Cli, words: list[str]) -> None:
    assert json.loads(cli("get", *words, "-o", "json").out)["metadata"]["name"] == "web"


def test_several_are_a_list(cli: Cli) -> None:
    listed = json.loads(cli("get", "web", "a-long-name", "-o", "json").out)
    assert listed["kind"] == "TaskList"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["web", "a-long-name"]


def test_yaml_is_one_document_each(cli: Cli) -> None:
    out = cli("get", "tasks", "-o", "yaml").out
    assert out.count("\n---\n") == 1
    assert out.count("kind: Task") == 2


def test_what_is_not_there_is_said_and_the_rest_is_shown(cli: Cli) -> None:
    run = cli("get", "task", "web", "nothing", "-o", "name")
    assert run.out == "task/web\n"
    assert run.err == "error: there is no task default/nothing\n"
    assert run.code == 1


def test_nothing_at_all_is_said_on_stderr(cli: Cli) -> None:
    run = cli("get", "tasks", "-n", "empty")
    assert (run.out, run.err, run.code) == ("", "there are no tasks in namespace 'empty'\n", 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["taks"], "did you mean 'tasks'?", id="slip"),
        pytest.param(["pods"], "there is no kind 'pods'; here they are 'tasks'", id="another tool's word"),
        pytest.param(["all"], "name those you mean: taskyard get services,jobs,crons,tasks", id="all kinds"),
        pytest.param(
            ["secretary/data"],
            "the kinds are tasks, services, jobs, crons, secrets, configs, namespaces, volumes, nodes, events",
            id="what is not there",
        ),
        pytest.param(["pod/web"], "there is no kind 'pod'", id="another tool's kind"),
        pytest.param(["tasks,nodes", "web"], "names cannot follow several kinds", id="several kinds"),
        pytest.param(["task/"], "no name after the slash", id="no name"),
        pytest.param(["task/web", "-l", "a=b"], "cannot be used together with names", id="selector and name"),
        pytest.param(["tasks,nodes", "-w"], "only one kind can be watched", id="watch of two kinds"),
        pytest.param(["event/x"], "events have no names", id="event by name"),
    ],
)
def test_what_makes_no_sense(cli: Cli, words: list[str], said: str) -> None:
    run = cli("get", *words)
    assert said in run.err
    assert run.code == 1


def test_two_kinds_are_told_apart(cli: Cli, api: FakeApi) -> None:
    api.nodes["n1"] = {"metadata": {"name": "n1"}, "spec": {"cordoned": True}, "status": {"ready": True}}
    out = cli("get", "tasks,nodes").out
    assert "task/web" in out
    assert "node/n1   Ready,Cordoned" in out


def test_a_namespace_that_there_is_not(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    """One that nobody declared and that holds nothing; an empty one that is declared, or holds other kinds, is."""

    def nothing(namespace: str) -> str:
        capsys.readouterr()
        assert main(["--server", f"http://127.0.0.1:{served.port}", "get", "tasks", "-n", namespace]) == 0
        return capsys.readouterr().err

    served.call("POST", "/namespaces", {"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    config = {"metadata": {"name": "app", "namespace": "held"}, "spec": {"data": {"a": "b"}}}
    served.call("POST", "/configs", {"apiVersion": "taskyard/v1", "kind": "Config", **config})
    assert nothing("shop") == "there are no tasks in namespace 'shop'\n"
    assert nothing("held") == "there are no tasks in namespace 'held'\n"
    assert nothing("default") == "there are no tasks in namespace 'default'\n"
    assert nothing("shp") == "there are no tasks in namespace 'shp', which does not exist; did you mean shop?\n"
    assert nothing("xyzzy").endswith("which does not exist; see taskyard get namespaces\n")


def test_a_namespace_that_cannot_be(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--server", f"http://127.0.0.1:{served.port}", "get", "tasks", "-n", "A B"]) == 1
    assert "namespace='A B' is not a namespace's name: use 1 to 63 lower-case ASCII letters" in capsys.readouterr().err
