"""GET /rebalance and POST /tasks/{id}/move."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.objects import Metadata, Move, NodeSpec, Restart, Volume, decode
from tests.controlplane.api.bench import ApiBench, problem
from tests.support.plane import a_spec, a_task, a_uid


@pytest.fixture(autouse=True)
def crowded(bench: ApiBench) -> None:
    """All on n1, and n2 has come since."""
    plane = bench.plane
    plane.add_node("n1")
    plane.lead()
    for number in range(4):
        plane.add_task(a_task(f"web-{number}", a_uid(number), a_spec(cpu="500m", memory="512Mi")))
    bench.settle()
    plane.add_node("n2")
    plane.pump()


def planned(bench: ApiBench, query: str = "") -> dict[str, Any]:
    answer = bench.call("GET", f"/rebalance{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_the_moves_with_what_each_gains(bench: ApiBench) -> None:
    found = planned(bench)
    assert [(m["name"], m["fromNode"], m["toNode"], m["gain"]) for m in found["moves"]] == [
        ("web-0", "n1", "n2", 0.375),
        ("web-1", "n1", "n2", 0.125),
    ]
    assert found["before"] == {"unevenness": 0.25, "emptyNodes": 1}
    assert found["after"] == {"unevenness": 0.0, "emptyNodes": 0}
    assert (found["movable"], found["pinned"]) == (4, {})
    assert len(planned(bench, "?maxMoves=1")["moves"]) == 1
    assert bench.store.list(keys.MOVES).entries == ()


def test_what_stays_says_why(bench: ApiBench) -> None:
    spec = a_spec(cpu="500m", memory="512Mi")
    special = {
        "web-0": replace(spec, singleton=True),
        "web-1": replace(spec, volumes=[Volume(target="/data", name="data")]),
        "web-2": replace(spec, restart=Restart(policy="never")),
    }
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    for name, changed in special.items():
        bench.plane.add_task(replace(bench.plane.task(name), spec=changed))
    bench.settle()
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2")))
    bench.plane.pump()
    found = planned(bench)
    assert [move["name"] for move in found["moves"]] == ["web-3"]
    assert sorted(found["pinned"].values()) == [1, 1, 1]


def test_a_move_is_asked_for_and_done_by_the_scheduler(bench: ApiBench) -> None:
    answer = bench.call("POST", "/tasks/web-0/move", {"to": "n2", "epoch": 1})
    assert answer.status_code == 202, answer.text
    entry = bench.store.get(keys.move("default", "web-0"))
    assert entry is not None
    assert decode(entry.value, Move).to == "n2"
    bench.settle()
    status = bench.call("GET", "/tasks/web-0").json["status"]
    assert (status["node"], status["epoch"], status["state"]) == ("n2", 2, "Running")
    assert bench.store.list(keys.MOVES).entries == ()


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param({"to": "n1"}, 409, "is on n1 already", id="where it is"),
        pytest.param({"to": "n2", "epoch": 9}, 409, "its epoch is 1, not 9", id="another binding"),
        pytest.param({"to": "n9"}, 404, "known are n1, n2", id="no such node"),
        pytest.param({"where": "n2"}, 400, "is no wish to move", id="no wish"),
    ],
)
def test_a_move_that_cannot_be(bench: ApiBench, body: object, status: int, says: str) -> None:
    assert says in problem(bench.call("POST", "/tasks/web-0/move", body), status)["detail"]


def test_a_move_to_where_it_does_not_fit(bench: ApiBench) -> None:
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    bench.plane.pump()
    detail = problem(bench.call("POST", "/tasks/web-0/move", {"to": "n2"}), 409)["detail"]
    assert detail == "task/web-0 does not fit on n2: `taskyard why web-0 --node n2` says why"


def test_no_more_is_moved_than_a_budget_allows(bench: ApiBench) -> None:
    for number in range(2):
        task = bench.plane.task(f"web-{number}")
        labelled = replace(task.metadata, labels={"app": "web"})
        bench.plane.add_task(replace(task, metadata=labelled, spec=replace(task.spec, min_available=2)))
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    bench.settle()
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2")))
    bench.plane.pump()
    found = planned(bench)
    assert found["pinned"] == {"while it moves, fewer than minAvailable would be left": 2}
    assert {move["name"] for move in found["moves"]} == {"web-2", "web-3"}
    detail = problem(bench.call("POST", "/tasks/web-0/move", {"to": "n2"}), 409)["detail"]
    assert detail == "task/web-0 stays on n1: while it moves, fewer than minAvailable would be left"
