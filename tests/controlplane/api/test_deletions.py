"""POST /delete: each object is answered for itself, and what cannot be meant keeps all of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.api.bench import ApiBench, manifest, problem


def delete(bench: ApiBench, *named: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = bench.call("POST", f"/delete{query}", {"objects": list(named)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json["results"]
    return results


def named(name: str, kind: str = "Task", **more: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, **more}


def test_what_never_got_a_node_is_gone_and_what_runs_is_going(bench: ApiBench) -> None:
    web = bench.call("POST", "/tasks", manifest()).json["metadata"]
    bench.bind("web")
    bench.call("POST", "/tasks", manifest("idle"))
    going, gone, absent = delete(bench, named("web"), named("idle"), named("nothing"), query="?gracePeriod=2.5")
    assert (going["result"], going["uid"]) == ("deleting", web["uid"])
    assert (gone["kind"], gone["namespace"], gone["name"], gone["result"]) == ("Task", "default", "idle", "deleted")
    assert (absent["result"], absent["problem"]["status"]) == ("refused", 404)
    left = bench.stored("web")
    assert left is not None
    assert left.metadata.annotations == {"taskyard/grace-period": "2.5"}
    assert bench.stored("idle") is None
    # A read after it sees it.
    assert [item["metadata"]["name"] for item in bench.call("GET", "/tasks").json["items"]] == ["web"]


def test_another_of_that_name_is_left_alone(bench: ApiBench) -> None:
    uid = bench.call("POST", "/tasks", manifest()).json["metadata"]["uid"]
    (other,) = delete(bench, named("web", uid="f" * 12))
    assert other["problem"]["type"].endswith("NotFound")
    assert bench.stored("web") is not None
    (by_uid,) = delete(bench, named(uid))
    assert (by_uid["name"], by_uid["result"]) == ("web", "deleted")


def test_what_a_folder_declares_needs_force(bench: ApiBench) -> None:
    documents = [{"object": manifest()}, {"object": manifest("db")}]
    bench.call("POST", "/apply?source=folder/demo", {"documents": documents})
    bench.call("POST", "/tasks", manifest("free"))
    results = delete(bench, named("web"), named("free"))
    assert [each["result"] for each in results] == ["refused", "deleted"]
    assert "folder/demo" in results[0]["problem"]["detail"]
    assert [each["result"] for each in delete(bench, named("web"), named("db"), query="?force=1")] == ["deleted"] * 2


def test_what_others_need_goes_last(bench: ApiBench) -> None:
    space = {"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": "shop"}, "spec": {}}
    bench.call("POST", "/apply", {"documents": [{"object": space}, {"object": manifest(namespace="shop")}]})
    results = delete(bench, named("shop", "Namespace"), named("web", namespace="shop"))
    assert [(each["kind"], each["result"]) for each in results] == [("Namespace", "deleting"), ("Task", "deleted")]
    assert "namespace" not in results[0]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        pytest.param({"objects": [named("web"), named("n1", "Node")]}, 422, "DELETE /nodes/n1", id="node"),
        pytest.param({"objects": [named("web"), named("x", "Pod")]}, 422, "no kind 'Pod'", id="kind"),
        pytest.param({"objects": [named("web", namespace="No")]}, 422, "not a namespace's name", id="namespace"),
        pytest.param({"objects": [{"name": "web"}]}, 400, "kind", id="no kind"),
        pytest.param({"objects": [named("web", name2="x")]}, 400, "name2", id="unknown field"),
        pytest.param({}, 400, "objects", id="no objects"),
        pytest.param(b"\xff", 400, "names nothing to delete", id="no JSON"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(bench: ApiBench, body: object, status: int, said: str) -> None:
    bench.call("POST", "/tasks", manifest())
    answer = bench.call("POST", "/delete", body)
    assert said in str(problem(answer, status))
    assert bench.stored("web") is not None


def test_every_problem_is_told(bench: ApiBench) -> None:
    body = {"objects": [named("a", "Pod"), named("web", namespace="No"), named("b", "Node")]}
    paths = [each["path"] for each in problem(bench.call("POST", "/delete", body), 422)["violations"]]
    assert paths == ["objects[0].kind", "objects[1].namespace", "objects[2].kind"]
