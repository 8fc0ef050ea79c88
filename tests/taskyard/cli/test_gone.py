"""`taskyard gone`: who knows better ends what a mass loss holds."""

from __future__ import annotations

import pytest

from taskyard import keys
from taskyard.objects import Metadata, NodeSpec
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import run


@pytest.fixture
def lost(served: ServedPlane) -> ServedPlane:
    for name in ("n1", "n2", "n3"):
        served.plane.add_node(name)
        served.plane.set_node(NodeSpec(metadata=Metadata(name=name), labels={"disk": "ssd"}))
    served.settle()
    served.plane.delete(keys.node_lease("n1"), keys.node_lease("n2"))
    served.settle()
    return served


def said_of(served: ServedPlane, node: str) -> dict[str, str]:
    found: dict[str, str] = served.call("GET", f"/nodes/{node}").json["metadata"].get("annotations", {})
    return {name: value for name, value in found.items() if name != "taskyard/changed-by"}


def test_lost_nodes_are_said_to_be_gone_and_not_gone_after_all(
    lost: ServedPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lost, capsys, "gone", "n1", "node/n2").out == "node/n1 gone for good\nnode/n2 gone for good\n"
    assert said_of(lost, "n1") == {"taskyard/out-of-service": "true"}
    assert run(lost, capsys, "gone", "n1").out == "node/n1 unchanged\n"
    assert run(lost, capsys, "gone", "n1", "--undo").out == "node/n1 not gone\n"
    assert (said_of(lost, "n1"), said_of(lost, "n2")) == ({}, {"taskyard/out-of-service": "true"})


def test_nothing_is_said_of_any_while_one_is_there(lost: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    refused = run(lost, capsys, "gone", "n1", "n3")
    assert (refused.code, "node/n3 is there" in refused.err) == (1, True)
    assert said_of(lost, "n1") == {}
