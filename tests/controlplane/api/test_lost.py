"""What people see of a task whose node is lost: when it is placed again, or why it is not."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from tests.controlplane.api.bench import ApiBench, manifest


def look(bench: ApiBench, name: str) -> dict[str, Any]:
    """As the task itself and as the list show it: the same."""
    (listed,) = [item for item in bench.call("GET", "/tasks").json["items"] if item["metadata"]["name"] == name]
    found: dict[str, Any] = bench.call("GET", f"/tasks/{name}").json["status"]
    assert found == listed["status"]
    return found


def lose(bench: ApiBench, *nodes: str) -> None:
    bench.plane.delete(*(keys.node_lease(node) for node in nodes))
    bench.plane.pump()


@pytest.mark.parametrize(
    ("wish", "message", "due"),
    [
        pytest.param(
            {"after": "30s"},
            "it is placed on another node from 2023-11-14T22:13:50.000Z on",
            "2023-11-14T22:13:50.000Z",
            id="reschedule",
        ),
        pytest.param({"policy": "stay"}, "it waits for its node (onNodeLoss.policy is stay)", None, id="stay"),
    ],
)
def test_it_says_when_it_is_placed_again(bench: ApiBench, wish: dict[str, str], message: str, due: str | None) -> None:
    bench.call("POST", "/tasks", {**manifest("web"), "spec": {"image": "busybox:1.35", "onNodeLoss": wish}})
    bench.bind("web")
    node = look(bench, "web")["node"]
    lose(bench, node)
    status = look(bench, "web")
    assert (status["state"], status["reason"], status.get("nextAttemptAt")) == ("Lost", "NodeLost", due)
    assert status["message"].endswith("its containers may still run there; " + message)
    bench.plane.add_node(node)
    bench.plane.pump()
    assert look(bench, "web")["state"] == "Scheduled"


def test_a_mass_loss_is_the_reason_and_is_counted(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest("web"))
    bench.bind("web")
    node = look(bench, "web")["node"]
    bench.plane.add_node("other")
    bench.plane.pump()
    lose(bench, node, "other")
    status = look(bench, "web")
    assert (status["state"], status["reason"]) == ("Lost", "MassLoss")
    assert "2 of 2 nodes vanished" in status["message"]
    assert "nextAttemptAt" not in status
    metrics = bench.call("GET", "/metrics").text
    assert "taskyard_nodes_lost 2.0" in metrics
    assert "taskyard_mass_loss_nodes 2.0" in metrics


def test_an_operator_confirms_through_the_api_that_a_node_is_gone(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest("web"))
    bench.bind("web")
    node = look(bench, "web")["node"]
    bench.plane.add_node("other")
    bench.plane.pump()
    lose(bench, node, "other")
    gone = {"metadata": {"annotations": {"taskyard/out-of-service": "true"}}}
    assert bench.call("PATCH", f"/nodes/{node}", gone).status_code == 201
    status = look(bench, "web")
    assert (status["reason"], status["nextAttemptAt"]) == ("NodeLost", "2023-11-14T22:13:20.000Z")
