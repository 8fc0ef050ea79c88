"""POST /apply: all of it is validated and checked before any of it is written."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from tests.controlplane.api.bench import ApiBench, manifest, problem

NODE = {"apiVersion": "taskyard/v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"cordoned": True}}


def documents(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"documents": [{"source": f"web.yaml:{n}", "object": each} for n, each in enumerate(manifests, 1)]}


def test_created_configured_unchanged(bench: ApiBench) -> None:
    bench.call("POST", "/apply", documents(manifest("a"), manifest("b")))
    answer = bench.call("POST", "/apply", documents(manifest("a"), manifest("b", image="busybox:1.36"), manifest("c")))
    assert answer.status_code == 200
    results = {each["name"]: each for each in answer.json["results"]}
    assert {name: each["result"] for name, each in results.items()} == {
        "a": "unchanged",
        "b": "configured",
        "c": "created",
    }
    assert results["a"]["changes"] == []
    assert results["b"]["changes"] == [{"path": "spec.image", "old": "busybox:1.35", "new": "busybox:1.36"}]
    assert results["b"]["object"]["metadata"]["generation"] == 2
    assert answer.json["revision"] == results["c"]["object"]["metadata"]["revision"]


def test_the_answer_is_in_the_order_of_the_documents(bench: ApiBench) -> None:
    answer = bench.call("POST", "/apply", documents(manifest("b"), NODE, manifest("a"))).json
    assert [(each["kind"], each["name"]) for each in answer["results"]] == [
        ("Task", "b"),
        ("Node", "n1"),
        ("Task", "a"),
    ]


def test_one_bad_document_keeps_all_from_being_written(bench: ApiBench) -> None:
    bad, worse = manifest("b"), manifest("c")
    bad["spec"]["imagee"] = "x"
    worse["spec"]["ports"] = [{"container": 0}]
    body = problem(bench.call("POST", "/apply", documents(manifest("a"), bad, worse, NODE)), 422)
    assert [violation["source"] for violation in body["violations"]] == ["web.yaml:2", "web.yaml:3"]
    assert bench.store.list(keys.ROOT).entries == ()


def test_one_refused_document_keeps_all_from_being_written(bench: ApiBench) -> None:
    bench.call("POST", "/apply?source=folder/demo", documents(manifest("taken")))
    before = bench.store.list(keys.ROOT)
    body = problem(bench.call("POST", "/apply", documents(manifest("a"), manifest("taken", image="x:1"), NODE)), 409)
    (violation,) = body["violations"]
    assert (violation["source"], "folder/demo" in violation["message"]) == ("web.yaml:2", True)
    assert "nothing was changed" in body["detail"]
    assert bench.store.list(keys.ROOT) == before
    assert bench.call("POST", "/apply?force=1", documents(manifest("taken", image="x:1"))).status_code == 200


def test_a_dry_run_tells_and_changes_nothing(bench: ApiBench) -> None:
    bench.call("POST", "/apply", documents(manifest("a")))
    before = bench.store.list(keys.ROOT)
    answer = bench.call("POST", "/apply?dryRun=1", documents(manifest("a", image="x:1"), manifest("b"), NODE)).json
    assert [each["result"] for each in answer["results"]] == ["configured", "created", "created"]
    assert answer["results"][0]["changes"][0]["path"] == "spec.image"
    assert bench.store.list(keys.ROOT) == before


def test_the_same_object_twice_is_an_error(bench: ApiBench) -> None:
    body = problem(bench.call("POST", "/apply", documents(manifest("a"), manifest("b"), manifest("a"))), 422)
    assert "declared twice, also in web.yaml:1" in body["violations"][0]["message"]


def test_many(bench: ApiBench) -> None:
    answer = bench.call("POST", "/apply", documents(*(manifest(f"t{number}") for number in range(1500))))
    assert answer.status_code == 200
    assert len(bench.call("GET", "/tasks").json["items"]) == 1500


def test_a_stream_of_yaml_is_applied_with_its_lines(bench: ApiBench) -> None:
    head = "apiVersion: taskyard/v1\nkind: Task\n"
    text = f"{head}metadata: {{name: a}}\nspec: {{image: b}}\n---\n{head}metadata: {{name: c}}\nspec: {{image: 5}}\n"
    (violation,) = problem(bench.call("POST", "/apply", text.encode(), content_type="application/yaml"), 422)[
        "violations"
    ]
    assert (violation["path"], violation["line"]) == ("spec.image", 9)
    right = text.replace("5", "d").encode()
    answer = bench.call("POST", "/apply", right, content_type="application/yaml")
    assert [each["name"] for each in answer.json["results"]] == ["a", "c"]


@pytest.mark.parametrize(
    "text",
    ['{"metadata":{},"metadata":{}}', '{"a":NaN}', "[" * 1000 + "]" * 1000, '{"a":"\\ud800"}'],
    ids=["key twice", "NaN", "deep", "half a character"],
)
def test_each_object_is_parsed_strictly(bench: ApiBench, text: str) -> None:
    raw = b'{"documents":[{"source":"x.json","object":' + text.encode() + b"}]}"
    problem(bench.call("POST", "/apply", raw), 400)


def test_nothing_to_apply(bench: ApiBench) -> None:
    assert bench.call("POST", "/apply", {"documents": []}).json == {"results": []}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="a list"),
        pytest.param({}, id="no documents"),
        pytest.param({"documents": {}}, id="documents no list"),
        pytest.param({"documents": [1]}, id="a number"),
        pytest.param({"documents": [{"source": "x"}]}, id="no object"),
        pytest.param({"documents": [{"object": {}, "source": 1}]}, id="source no text"),
        pytest.param({"documents": [], "dryRun": True}, id="option in the body"),
    ],
)
def test_what_is_no_apply_is_400(bench: ApiBench, body: object) -> None:
    problem(bench.call("POST", "/apply", body), 400)


def test_a_bad_source_is_400(bench: ApiBench) -> None:
    problem(bench.call("POST", "/apply?source=a%20b", documents(manifest())), 400)


def a_list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "taskyard/v1", "kind": "TaskList", "metadata": {"revision": 7}, "items": list(items)}


def test_what_a_list_answers_can_be_applied(bench: ApiBench) -> None:
    bench.call("POST", "/apply", documents(manifest("a"), manifest("b")))
    listed = bench.call("GET", "/tasks").json
    assert listed["items"][0]["status"]
    for body in (listed, documents(listed)):
        answer = bench.call("POST", "/apply", body)
        assert [(each["name"], each["result"]) for each in answer.json["results"]] == [
            ("a", "unchanged"),
            ("b", "unchanged"),
        ]


def test_every_problem_of_a_list_is_told(bench: ApiBench) -> None:
    bad = manifest("b") | {"colour": "red"}
    answer = bench.call("POST", "/apply", a_list(manifest("a"), bad) | {"next": 2})
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json["violations"]] == ["next", "colour"]
    assert bench.call("GET", "/tasks/a").status_code == 404
