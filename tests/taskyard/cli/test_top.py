"""`top`: which nodes and tasks, in what order, and in what form."""

from __future__ import annotations

import json

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def measured(api: FakeApi) -> None:
    api.put("web", labels={"app": "web"})
    api.put("db", labels={"app": "db"})
    for name, labels in (("n1", {"disk": "ssd"}), ("n2", {})):
        api.nodes[name] = {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": {"labels": labels}}
    api.stats = {
        "nodes": [
            {"name": "n1", "usage": {"cpuMillis": 100, "memoryBytes": 2**20}, "capacity": {"cpuMillis": 1000}},
            {"name": "n2", "usage": {"cpuMillis": 500, "memoryBytes": 2**30}, "capacity": {"cpuMillis": 1000}},
        ],
        "tasks": [
            {"namespace": "default", "name": "web", "node": "n1", "cpuMillis": 250, "memoryBytes": 2**20},
            {"namespace": "default", "name": "db", "node": "n2", "cpuMillis": 500, "memoryBytes": 2**19},
            {"namespace": "shop", "name": "web", "node": "n2", "cpuMillis": 1, "memoryBytes": 1},
        ],
    }


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        pytest.param([], [["n1", "100m"], ["n2", "500m"]], id="nodes by themselves"),
        pytest.param(["nodes", "--sort-by", "cpu"], [["n2", "500m"], ["n1", "100m"]], id="what takes most first"),
        pytest.param(["node", "n2"], [["n2", "500m"]], id="one node"),
        pytest.param(["nodes", "-l", "disk=ssd"], [["n1", "100m"]], id="nodes by label"),
        pytest.param(["tasks"], [["default", "db"], ["default", "web"]], id="tasks of the namespace"),
        pytest.param(["tasks", "-A", "--sort-by", "memory"],
                     [["default", "web"], ["default", "db"], ["shop", "web"]], id="tasks of all"),
        pytest.param(["web"], [["default", "web"]], id="a task"),
        pytest.param(["task/db", "task/web"], [["default", "db"], ["default", "web"]], id="several"),
        pytest.param(["-n", "shop", "tasks", "web"], [["shop", "web"]], id="of another namespace"),
        pytest.param(["tasks", "-l", "app=db"], [["default", "db"]], id="tasks by label"),
    ],
)  # fmt: skip
def test_which_and_in_what_order(cli: Cli, words: list[str], rows: list[list[str]]) -> None:
    run = cli("top", *words)
    assert (run.err, run.code) == ("", 0)
    assert [line.split()[:2] for line in run.out.splitlines()[1:]] == rows


def test_what_is_not_measured_is_named(cli: Cli) -> None:
    run = cli("top", "tasks", "web", "nothing")
    assert "web" in run.out
    assert run.err == "error: nothing is measured of task/nothing: it is not there, or does not run\n"
    assert run.code == 1


def test_programs_get_the_units_of_the_api(cli: Cli) -> None:
    (found,) = json.loads(cli("top", "web", "-o", "json").out)
    assert (found["name"], found["cpuMillis"], found["memoryBytes"]) == ("web", 250, 2**20)
    assert json.loads(cli("top", "-l", "disk=hdd", "-o", "json").out) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["services"], "only nodes or tasks are measured", id="another kind"),
        pytest.param(["pods"], "here they are 'tasks'", id="another tool's"),
        pytest.param(["web", "-l", "app=web"], "cannot be used together with names", id="two ways"),
        pytest.param(["node/n1", "task/web"], "only nodes or tasks are measured", id="two kinds"),
    ],
)
def test_what_makes_no_sense(cli: Cli, words: list[str], said: str) -> None:
    run = cli("top", *words)
    assert said in run.err
    assert run.code == 1
