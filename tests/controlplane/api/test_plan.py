"""POST /plan and /plan/apply: what would happen, and then just that or a refusal that says what has changed."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from taskyard.objects import Metadata, NodeSpec, NodeStats, TaskState, TaskUsage
from tests.controlplane.api.bench import ApiBench, manifest, problem
from tests.support.plane import GI


@pytest.fixture(autouse=True)
def cluster(bench: ApiBench) -> None:
    bench.plane.add_node("n1", memory=GI)
    bench.plane.add_node("n2", memory=2 * GI)
    bench.plane.lead()


def a_manifest(name: str, memory: str = "", **spec: Any) -> dict[str, Any]:
    made = manifest(name)
    made["spec"] |= {"resources": {"memory": memory}} if memory else {}
    made["spec"] |= spec
    return made


def body(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"documents": [{"source": f"{one['metadata']['name']}.yaml:1", "object": one} for one in manifests]}


def planned(bench: ApiBench, *manifests: dict[str, Any], query: str = "") -> dict[str, Any]:
    answer = bench.call("POST", f"/plan{query}", body(*manifests))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def applied(bench: ApiBench, *manifests: dict[str, Any], query: str = "") -> None:
    assert bench.call("POST", f"/apply{query}", body(*manifests)).status_code == 200
    bench.settle()


def test_each_kind_of_change(bench: ApiBench) -> None:
    applied(
        bench, a_manifest("kept"), a_manifest("labelled"), a_manifest("anew"), a_manifest("old"), query="?source=demo"
    )
    labelled, anew = a_manifest("labelled"), a_manifest("anew", priority=5)
    labelled["metadata"]["labels"] = {"a": "b"}
    plan = planned(bench, a_manifest("kept"), labelled, anew, a_manifest("big", "8Gi"), a_manifest("new"),
                   query="?source=demo&prune=1")  # fmt: skip
    found = {item["name"]: item for item in plan["items"]}
    assert {name: item["action"] for name, item in found.items()} == {
        "kept": "none",
        "labelled": "change",
        "anew": "replace",
        "big": "create",
        "new": "create",
        "old": "remove",
    }
    assert found["labelled"]["changes"] == [{"path": "metadata.labels.a", "new": "b"}]
    assert found["anew"]["changes"] == [{"path": "spec.priority", "old": 0, "new": 5}]
    assert found["anew"]["node"] == found["anew"]["before"]
    assert found["new"]["node"] in ("n1", "n2")
    assert found["big"]["fits"] is False
    assert found["big"]["needs"][0] == "6Gi more memory on n2"
    assert bench.stored("new") is None
    assert bench.stored("old") is not None


def test_what_waits_for_room_that_a_removal_makes_is_said_to_come_later(bench: ApiBench) -> None:
    applied(bench, a_manifest("old", "1536Mi"), query="?source=demo")
    plan = planned(bench, a_manifest("new", "1536Mi"), query="?source=demo&prune=1")
    assert [(i["name"], i.get("later", False), i.get("node", "")) for i in plan["items"]] == [
        ("new", True, "n2"),
        ("old", False, ""),
    ]


def test_a_service_with_a_canary_is_planned_up_to_its_promotion(bench: ApiBench) -> None:
    def web(image: str) -> dict[str, Any]:
        spec = {"replicas": 3, "update": {"canary": {}}, "template": {"spec": {"image": image}}}
        return {"apiVersion": "taskyard/v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}

    first = planned(bench, web("busybox:1"))
    assert "note" not in first["items"][0]
    applied(bench, web("busybox:1"))
    plan = planned(bench, web("busybox:2"))
    assert [(effect["name"], effect["fate"]) for effect in plan["effects"]] == [("web-0", "restarted")]
    assert plan["items"][0]["note"] == (
        "1 of 3 tasks have revision 2; the others wait until it is promoted: taskyard rollout promote web"
    )


def test_what_an_autoscaler_does_at_the_load_of_now_is_planned(bench: ApiBench) -> None:
    def web(most: int) -> dict[str, Any]:
        template = {"spec": {"image": "busybox:1", "resources": {"cpu": "100m"}}}
        spec = {"replicas": 2, "autoscale": {"max": most, "cpu": 50}, "template": template}
        return {"apiVersion": "taskyard/v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}

    applied(bench, web(2))
    bench.plane.settle(bench.plane.services, bench.plane.scheduler)
    run = {each: bench.stored(each) for each in ("web-0", "web-1")}
    for name, task in run.items():
        assert task is not None
        bench.plane.report(name, TaskState.RUNNING)
    for node in ("n1", "n2"):
        here = [task for task in run.values() if task and task.binding and task.binding.node == node]
        usage = {task.metadata.uid: TaskUsage(cpu_millis=90) for task in here}
        bench.plane.put(keys.node_stats(node), NodeStats(at="now", tasks=usage))
    bench.plane.settle(bench.plane.services)
    plan = planned(bench, web(5))
    assert plan["items"][0]["note"] == "autoscaling goes from 2 to 4: cpu at 90% of a target of 50%"
    assert [effect["name"] for effect in plan["effects"]] == ["web-2", "web-3"]


def test_a_waiting_task_that_gets_the_room_is_an_effect(bench: ApiBench) -> None:
    applied(bench, a_manifest("old", "1536Mi"), query="?source=demo")
    applied(bench, a_manifest("waits", "1536Mi"))
    plan = planned(bench, a_manifest("new"), query="?source=demo&prune=1")
    assert plan["effects"] == [{"namespace": "default", "name": "waits", "fate": "placed", "node": "n2"}]


def test_a_plan_is_carried_out_as_it_says(bench: ApiBench) -> None:
    applied(bench, a_manifest("old"), query="?source=demo")
    plan = planned(bench, a_manifest("new"), query="?source=demo&prune=1")
    answer = bench.call("POST", "/plan/apply", plan)
    assert answer.status_code == 200, answer.text
    assert [(r["name"], r["result"]) for r in answer.json["results"]] == [("new", "created")]
    assert answer.json["removed"] == ["task/old"]
    bench.settle()
    assert bench.stored("old") is None
    assert bench.plane.node_of("new") == plan["items"][0]["node"]


def test_what_does_not_concern_it_does_not_make_it_stale(bench: ApiBench) -> None:
    plan = planned(bench, a_manifest("new", nodeSelector={}))
    applied(bench, a_manifest("other"))
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    assert bench.call("POST", "/plan/apply", plan).status_code == 200


def test_a_changed_node_makes_it_stale_and_says_what_changed(bench: ApiBench) -> None:
    plan = planned(bench, a_manifest("new"))
    assert plan["items"][0]["node"] == "n2"
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    found = problem(bench.call("POST", "/plan/apply", plan), 409)
    assert found["type"] == "urn:taskyard:problem:Stale"
    assert [violation["message"] for violation in found["violations"]] == [
        "node/n2: cordoned False -> True",
        "task/new: planned to be created on n2, now it would be created on n1",
    ]
    assert bench.stored("new") is None


def test_a_changed_object_makes_it_stale(bench: ApiBench) -> None:
    applied(bench, a_manifest("web"))
    plan = planned(bench, a_manifest("web", priority=1))
    applied(bench, a_manifest("web", priority=2))
    found = problem(bench.call("POST", "/plan/apply", plan), 409)
    assert "task/web is at revision" in found["violations"][0]["message"]


def test_applied_twice_it_is_stale(bench: ApiBench) -> None:
    plan = planned(bench, a_manifest("web"))
    assert bench.call("POST", "/plan/apply", plan).status_code == 200
    bench.settle()
    assert "task/web is there now" in problem(bench.call("POST", "/plan/apply", plan), 409)["violations"][0]["message"]


def test_when_history_is_gone_a_stale_plan_still_says_which_node_changed(bench: ApiBench) -> None:
    plan = planned(bench, a_manifest("new"))
    bench.plane.set_node(NodeSpec(metadata=Metadata(name="n2"), cordoned=True))
    bench.store.compact(plan["revision"] + 1)
    found = problem(bench.call("POST", "/plan/apply", plan), 409)
    assert found["violations"][0]["message"] == "node/n2 is not as it was"


def test_what_an_apply_would_refuse_a_plan_refuses(bench: ApiBench) -> None:
    applied(bench, a_manifest("web"), query="?source=folder/demo")
    refused = problem(bench.call("POST", "/plan", body(a_manifest("web", priority=1))), 409)
    assert "declared by folder/demo" in refused["violations"][0]["message"]
    problem(bench.call("POST", "/plan", body(a_manifest("web", memory="8GB"))), 422)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param({"kind": "Plan"}, "the body is not a plan", id="not whole"),
        pytest.param([], "the body is not a plan", id="not a mapping"),
    ],
)
def test_what_is_no_plan(bench: ApiBench, raw: object, says: str) -> None:
    assert says in problem(bench.call("POST", "/plan/apply", raw), 400)["detail"]


def test_a_plan_of_another_version(bench: ApiBench) -> None:
    plan = planned(bench, a_manifest("web")) | {"version": 99}
    assert "version 99" in problem(bench.call("POST", "/plan/apply", plan), 400)["detail"]


def test_pruning_needs_a_source(bench: ApiBench) -> None:
    assert "needs a source" in problem(bench.call("POST", "/plan?prune=1", body(a_manifest("web"))), 400)["detail"]


def test_the_tasks_of_a_service_are_effects_also_where_they_fit_nowhere(bench: ApiBench) -> None:
    template = {"spec": {"image": "busybox:1.35", "resources": {"memory": "1200Mi"}}}
    service = manifest("web") | {"kind": "Service", "spec": {"replicas": 2, "template": template}}
    plan = planned(bench, service)
    assert [(item["kind"], item["action"]) for item in plan["items"]] == [("Service", "create")]
    assert [(e["name"], e["fate"], e.get("node", "")) for e in plan["effects"]] == [
        ("web-0", "created", "n2"),
        ("web-1", "created", ""),
    ]
    assert "0 of 2 nodes fit" in plan["effects"][1]["why"]
    assert bench.call("POST", "/plan/apply", plan).status_code == 200
