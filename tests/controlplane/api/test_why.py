"""GET /tasks/{id}/why and /nodes/{name}/why: something true about every task, wherever it is in its life."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from taskyard import keys
from taskyard.objects import Metadata, NodeSpec, TaskState
from tests.controlplane.api.bench import ApiBench, problem
from tests.support.plane import GI, MI, a_spec, a_task, a_uid


def why(bench: ApiBench, path: str) -> dict[str, Any]:
    bench.plane.pump()
    answer = bench.call("GET", path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


def test_a_task_that_fits_nowhere_says_why_of_every_node_and_what_would_help(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1", memory=GI)
    plane.add_node("n2", memory=8 * GI)
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True, labels={"zone": "a"}))
    plane.add_task(a_task("big", a_uid(1), a_spec(memory="1280Mi", selector={"zone": "b"})))
    found = why(bench, "/tasks/big/why")
    assert (found["state"], found["reason"]) == ("Pending", "Unschedulable")
    placement = found["placement"]
    assert (placement["at"], placement["total"], placement["fitting"]) == ("now", 2, 0)
    assert {one["node"]: [f["filter"] for f in one["failures"]] for one in placement["nodes"]} == {
        "n1": ["selector", "memory"],
        "n2": ["cordon", "selector"],
    }
    assert [change["text"] for change in placement["changes"]] == [
        "label zone=b and 256Mi more memory on n1",
        "an uncordon and label zone=b on n2",
    ]
    assert placement["changes"][0]["needs"][1] == {"filter": "memory", "text": "256Mi more memory", "amount": 256 * MI}
    one = why(bench, "/tasks/big/why?node=n2")["placement"]
    assert ([v["node"] for v in one["nodes"]], len(one["changes"])) == (["n2"], 1)


def test_what_would_be_stopped_for_it_is_told(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1", memory=GI)
    plane.add_task(a_task("low", a_uid(1), a_spec(memory="1Gi")))
    plane.lead()
    plane.settle(plane.scheduler)
    plane.add_task(a_task("urgent", a_uid(2), a_spec(memory="1Gi", priority=5)))
    assert why(bench, "/tasks/urgent/why")["note"] == "on n1 it gets the room of default/low, of lower priority"


def test_room_that_is_kept_for_another_is_told_with_whom_it_is_kept_for(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1", memory=4 * GI)
    for number in range(1, 5):
        plane.add_task(a_task(f"small{number}", a_uid(number), a_spec(memory="1Gi")))
    plane.lead()
    plane.settle(plane.scheduler)
    for number in range(1, 5):
        plane.report(f"small{number}", TaskState.RUNNING)
    plane.add_task(a_task("large", a_uid(10), a_spec(memory="3Gi")))
    plane.live(130)
    plane.report("small1", TaskState.COMPLETED)
    plane.add_task(a_task("late", a_uid(11), a_spec(memory="1Gi")))
    plane.live(5)
    plane.events.flush()
    found = why(bench, "/tasks/late/why")
    assert (found["placement"]["fitting"], found["state"]) == (1, "Pending")
    assert found["note"] == "the room that it fits in is kept: on n1 for default/large"


def test_a_placed_task_shows_the_scores_as_they_were_when_it_was_bound(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1")
    plane.add_node("n2")
    plane.add_task(a_task("first", a_uid(1), a_spec(cpu="2", memory="2Gi")))
    plane.lead()
    plane.settle(plane.scheduler)
    plane.add_task(a_task("web", a_uid(2)))
    plane.settle(plane.scheduler)
    assert (plane.node_of("first"), plane.node_of("web")) == ("n1", "n2")
    plane.report("web", TaskState.RUNNING)
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    placement = why(bench, "/tasks/web/why")["placement"]
    assert (placement["at"], placement["fitting"]) == ("binding", 2)
    best, second = placement["nodes"]
    assert (best["node"], second["node"]) == ("n2", "n1")
    assert best["score"] > second["score"]
    assert round(sum(best["scores"].values()), 3) == round(best["score"], 3)


def test_of_a_node_that_joined_later_it_shows_the_present(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1")
    plane.add_task(a_task("web", a_uid(1)))
    plane.lead()
    plane.settle(plane.scheduler)
    plane.add_node("n2")
    plane.report("web", TaskState.RUNNING)
    found = why(bench, "/tasks/web/why?node=n2")
    assert found["note"] == "n2 was not there yet when it was bound to n1; this is how it is now"
    placement = found["placement"]
    assert (placement["at"], [one["node"] for one in placement["nodes"]]) == ("now", ["n2"])
    assert why(bench, "/tasks/web/why?node=n1")["placement"]["at"] == "binding"


def test_when_history_is_gone_it_says_so_and_shows_the_present(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_task(a_task("web", a_uid(1)))
    bench.bind("web")
    plane.add_node("n2")
    plane.store.compact(plane.store.list(keys.ROOT).revision)
    found = why(bench, "/tasks/web/why")
    assert "why n1 was chosen is not known any more: history before revision" in found["note"]
    assert (found["placement"]["at"], found["placement"]["total"]) == ("now", 2)


def test_what_each_state_waits_for(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_task(a_task("web", a_uid(1)))
    assert "0 of 0 nodes" in why(bench, "/tasks/web/why")["message"]
    bench.bind("web")
    found = why(bench, "/tasks/web/why")
    assert (found["state"], found["waitsFor"]) == ("Scheduled", "waits for the agent on n1 to start it")
    plane.report("web", TaskState.RUNNING)
    found = why(bench, "/tasks/web/why")
    assert (found["state"], "waitsFor" in found) == ("Running", False)
    plane.delete(keys.node_lease("n1"))
    found = why(bench, "/tasks/web/why")
    assert found["state"] == "Lost"
    assert "it is placed on another node" in found["waitsFor"]
    assert found["placement"]["at"] == "now"


def test_a_value_that_is_set_aside_says_what_is_wrong_with_it(bench: ApiBench) -> None:
    bench.plane.put(keys.task("default", "odd"), b'{"kind":"Task"}')
    found = why(bench, "/tasks/odd/why")
    assert found["reason"] == "Quarantined"
    assert "is set aside" in found["message"]


def test_a_node_says_what_it_takes_and_which_waiting_tasks_it_refuses(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1", memory=GI)
    plane.add_node("n2", memory=GI)
    plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    for number in range(3):
        plane.add_task(a_task(f"big-{number}", a_uid(number), a_spec(memory="2Gi")))
    plane.add_task(a_task("small", a_uid(9)))
    found = why(bench, "/nodes/n1/why")
    assert (found["waiting"], found["takes"], found["free"]["memoryBytes"]) == (4, ["default/small"], GI)
    assert [(group["count"], group["text"]) for group in found["groups"]] == [(3, "too little memory (needs 1Gi more)")]
    other = why(bench, "/nodes/n2/why")
    assert other["reason"] == "Cordoned"
    assert {group["text"] for group in other["groups"]} == {"cordoned", "cordoned, too little memory (needs 1Gi more)"}


def test_what_is_not_there_is_not_found(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.plane.add_task(a_task("web", a_uid(1)))
    bench.plane.pump()
    problem(bench.call("GET", "/tasks/none/why"), 404)
    problem(bench.call("GET", "/nodes/none/why"), 404)
    assert "known are n1" in problem(bench.call("GET", "/tasks/web/why?node=n9"), 404)["detail"]


def test_a_task_that_waits_says_where_in_line_it_is(bench: ApiBench) -> None:
    plane = bench.plane
    plane.add_node("n1", cpu=4000, memory=4 * GI)
    plane.add_task(a_task("runs", a_uid(1), a_spec(memory="3Gi")))
    plane.lead()
    plane.settle(plane.scheduler)
    for number in range(2, 5):
        plane.add_task(a_task(f"t{number}", a_uid(number), a_spec(memory="2Gi"), created=number))
    other = a_task("other", a_uid(9), a_spec(memory="2Gi"), created=9)
    plane.add_task(replace(other, metadata=replace(other.metadata, namespace="blog")))
    plane.settle(plane.scheduler)
    line = why(bench, "/tasks/t4/why")["line"]
    said = "3rd of 3 in line of namespace default, which has 75% of the cluster; blog (0%) goes first"
    assert (line["text"], line["before"]) == (said, ["blog"])
    assert "line" not in why(bench, "/tasks/runs/why")


def test_of_a_task_that_no_node_could_ever_hold_no_place_in_line_is_told_but_what_the_nearest_lacks(
    bench: ApiBench,
) -> None:
    plane = bench.plane
    plane.add_node("n1", memory=4 * GI)
    plane.add_node("n2", memory=8 * GI)
    plane.add_task(a_task("runs", a_uid(1), a_spec(memory="7Gi")))
    plane.lead()
    plane.settle(plane.scheduler)
    for number, memory in ((2, "9Gi"), (3, "8Gi")):
        plane.add_task(a_task(f"t{number}", a_uid(number), a_spec(memory=memory), created=number))
    found = why(bench, "/tasks/t2/why")
    assert "line" not in found
    assert (found["never"]["text"], found["never"]["node"]) == ("1Gi more memory on n2", "n2")
    assert [change["text"] for change in found["placement"]["changes"]] == [
        "8Gi more memory on n2",
        "5Gi more memory on n1",
    ]
    found = why(bench, "/tasks/t3/why")
    assert ("never" in found, found["line"]["position"]) == (False, 2)
