"""`cordon`, `uncordon`, `label` and `taint` change what they say, and refuse what they cannot mean."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard.cli.commands.node import changed_taints
from taskyard.cli.failure import Failed
from taskyard.client.views import TaintView
from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def nodes(api: FakeApi) -> None:
    for name in ("n1", "n2"):
        api.nodes[name] = {
            "metadata": {"name": name},
            "spec": {"labels": {"disk": "ssd"}, "taints": [], "cordoned": False},
            "status": {"ready": True, "capacity": {"cpuMillis": 2000, "memoryBytes": 2**30}},
        }


def spec(api: FakeApi, name: str = "n1") -> dict[str, Any]:
    return dict(api.nodes[name]["spec"])


def test_cordon_and_uncordon(cli: Cli, api: FakeApi) -> None:
    assert cli("cordon", "n1", "node/n2").out == "node/n1 cordoned\nnode/n2 cordoned\n"
    assert spec(api)["cordoned"]
    assert cli("cordon", "n1").out == "node/n1 unchanged\n"
    assert cli("uncordon", "node", "n1").out == "node/n1 uncordoned\n"
    assert not spec(api)["cordoned"]


def test_label(cli: Cli, api: FakeApi) -> None:
    assert cli("label", "node", "n1", "n2", "zone=a", "rack=").out == "node/n1 labeled\nnode/n2 labeled\n"
    assert spec(api)["labels"] == {"disk": "ssd", "zone": "a", "rack": ""}
    assert cli("label", "node/n1", "disk-").out == "node/n1 labeled\n"
    assert spec(api)["labels"] == {"zone": "a", "rack": ""}


def test_a_label_is_not_replaced_by_chance(cli: Cli, api: FakeApi) -> None:
    run = cli("label", "n1", "disk=hdd")
    assert run.err == "error: node/n1 has disk=ssd already\nhint: replace it with --overwrite\n"
    assert run.code == 1
    assert cli("label", "n1", "disk=hdd", "--overwrite").code == 0
    assert spec(api)["labels"] == {"disk": "hdd"}


def test_taint(cli: Cli, api: FakeApi) -> None:
    assert cli("taint", "node", "n1", "dedicated=db:NoSchedule").out == "node/n1 tainted\n"
    assert spec(api)["taints"] == [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]
    assert cli("taint", "n1", "dedicated-").code == 0
    assert spec(api)["taints"] == []


TAINTS = [TaintView("a", "1", "NoSchedule"), TaintView("a", "1", "NoExecute")]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param("a-", [], id="every taint of the key"),
        pytest.param("a:NoSchedule-", TAINTS[1:], id="one effect"),
        pytest.param("a=2:NoExecute", [TAINTS[0], TaintView("a", "2", "NoExecute")], id="replace"),
        pytest.param("b:NoSchedule", [*TAINTS, TaintView("b", "", "NoSchedule")], id="without a value"),
    ],
)
def test_changed_taints(change: str, left: list[TaintView]) -> None:
    assert changed_taints(TAINTS, change) == left


@pytest.mark.parametrize("change", ["a", "a=b", "a=b:Never", ":NoSchedule", "a:Never-"])
def test_what_is_no_taint(change: str) -> None:
    with pytest.raises(Failed, match="is not a taint"):
        changed_taints(TAINTS, change)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["label", "n1"], "name the node, then what to change", id="no change"),
        pytest.param(["label", "zone=a"], "name the node, then what to change", id="no node"),
        pytest.param(["label", "n1", "zone=a", "n2"], "name the node, then what to change", id="node after change"),
        pytest.param(["label", "task", "web", "a=b"], "only nodes", id="task"),
        pytest.param(["cordon", "n3"], "there is no node n3", id="no such node"),
        pytest.param(["cordon", "task/web"], "task/web is not a node", id="cordon a task"),
    ],
)
def test_what_makes_no_sense(cli: Cli, words: list[str], said: str) -> None:
    run = cli(*words)
    assert said in run.err
    assert run.code == 1


def test_top(cli: Cli, api: FakeApi) -> None:
    api.stats = {
        "nodes": [
            {
                "name": "n1",
                "at": "2026-01-31T12:00:00Z",
                "usage": {"cpuMillis": 500, "memoryBytes": 2**29},
                "capacity": {"cpuMillis": 2000, "memoryBytes": 2**30},
                "load": [0.5, 0.25, 0.1],
            }
        ],
        "tasks": [
            {"namespace": "default", "name": "a", "node": "n1", "cpuMillis": 10, "memoryBytes": 2**20},
            {"namespace": "default", "name": "b", "node": "n1", "cpuMillis": 250, "memoryBytes": 2**21},
            {"namespace": "other", "name": "c", "node": "n1", "cpuMillis": 1, "memoryBytes": 1},
        ],
    }
    assert cli("top").out.splitlines()[1].split()[:5] == ["n1", "500m", "25%", "512Mi", "50%"]
    rows = [line.split() for line in cli("top", "tasks", "--sort-by", "cpu").out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["b", "a"]
    assert rows[0][3:5] == ["250m", "2Mi"]
    assert len(cli("top", "t", "-A").out.splitlines()) == 4
    assert cli("top", "events").code == 1


def test_nodes_are_in_no_namespace(cli: Cli, api: FakeApi) -> None:
    assert cli("get", "nodes", "-l", "disk=ssd", "-n", "other").code == 0
    assert api.requests[-1] == "GET /nodes?labelSelector=disk%3Dssd"
