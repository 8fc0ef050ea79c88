"""/tasks and /tasks/{ident}: creating, replacing, preconditions, selectors, pages."""

from __future__ import annotations

import json

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.manifest import read_object
from taskyard.objects import Binding, TaskState, encode
from tests.controlplane.api.bench import SEED_BODY, ApiBench, manifest, problem

YAML = b"""
apiVersion: taskyard/v1
kind: Task
metadata: {name: web}
spec:
  image: busybox:1.35
  resources: {memory: 512Mi}
"""


def names(bench: ApiBench, query: str) -> list[str]:
    answer = bench.call("GET", f"/tasks?{query}")
    assert answer.status_code == 200, answer.text
    return [task["metadata"]["name"] for task in answer.json["items"]]


def test_yaml_is_as_good_as_json(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", YAML, content_type="application/yaml")
    assert made.status_code == 201
    assert made.json["spec"]["resources"] == {"memory": "512Mi"}


def test_what_get_answers_can_be_put_again(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", SEED_BODY)
    shown = bench.call("GET", "/tasks/web-server").json
    again = bench.call("PUT", "/tasks/web-server", shown)
    assert again.status_code == 200
    assert again.json["metadata"] == shown["metadata"]


def test_post_of_a_taken_name_points_to_put(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    body = problem(bench.call("POST", "/tasks", manifest(image="busybox:1.36")), 409)
    assert "PUT /tasks/web" in body["detail"]
    assert bench.call("GET", "/tasks/web").json["spec"]["image"] == "busybox:1.35"


@pytest.mark.parametrize(("method", "path"), [("POST", "/tasks"), ("PUT", "/tasks/web")])
def test_a_task_on_its_way_out_is_not_replaced(bench: ApiBench, method: str, path: str) -> None:
    bench.call("POST", "/tasks", manifest())
    bench.bind("web")
    bench.call("DELETE", "/tasks/web")
    body = problem(bench.call(method, path, manifest(image="busybox:1.36")), 409)
    assert "being deleted" in body["detail"]


def test_put_creates_then_replaces(bench: ApiBench) -> None:
    made = bench.call("PUT", "/tasks/web", manifest())
    assert (made.status_code, made.headers["location"]) == (201, "/tasks/web")
    replaced = bench.call("PUT", "/tasks/web", {"image": "busybox:1.36"})
    assert (replaced.status_code, replaced.json["metadata"]["generation"]) == (200, 2)
    assert replaced.json["metadata"]["uid"] == made.json["metadata"]["uid"]


def test_put_keeps_the_binding(bench: ApiBench) -> None:
    bench.call("PUT", "/tasks/web", manifest())
    bench.bind("web")
    before = bench.stored("web")
    bench.call("PUT", "/tasks/web", manifest(image="busybox:1.36"))
    after = bench.stored("web")
    assert before is not None
    assert after is not None
    assert after.binding == before.binding
    assert isinstance(after.binding, Binding)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        pytest.param("/tasks/web", manifest("api"), "metadata.name", id="name"),
        pytest.param("/tasks/web?namespace=a", manifest(namespace="b"), "metadata.namespace", id="namespace"),
    ],
)
def test_url_and_body_must_agree(bench: ApiBench, path: str, body: object, field: str) -> None:
    assert problem(bench.call("PUT", path, body), 422)["violations"][0]["path"] == field


def test_namespaces_keep_apart(bench: ApiBench) -> None:
    bench.call("POST", "/tasks?namespace=shop", manifest())
    bench.call("POST", "/tasks", manifest())
    assert bench.stored("web", "shop") is not None
    made = bench.call("GET", "/tasks/web?namespace=shop").json
    assert made["metadata"]["namespace"] == "shop"
    assert bench.call("DELETE", "/tasks/web?namespace=shop").status_code == 200
    assert bench.call("GET", "/tasks/web").status_code == 200


def test_a_name_goes_before_a_uid_that_looks_the_same(bench: ApiBench) -> None:
    uid = bench.call("POST", "/tasks", manifest("first")).json["metadata"]["uid"]
    bench.call("POST", "/tasks", manifest(uid))
    assert bench.call("GET", f"/tasks/{uid}").json["metadata"]["name"] == uid


def test_every_violation_is_listed_with_its_path(bench: ApiBench) -> None:
    bad = manifest("Web!")
    bad["spec"] = {"image": 5, "resources": {"memory": "512 MB"}, "ports": [{"container": 99999}], "colour": "red"}
    body = problem(bench.call("POST", "/tasks", bad), 422)
    paths = {violation["path"] for violation in body["violations"]}
    assert paths >= {"metadata.name", "spec.image", "spec.resources.memory", "spec.ports[0].container", "spec.colour"}
    assert bench.plane.store.list(keys.TASKS).entries == ()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"{", "application/json", id="cut off"),
        pytest.param(b'{"name":"a","name":"b","image":"c"}', "application/json", id="key twice"),
        pytest.param(b'{"name":NaN}', "application/json", id="NaN"),
        pytest.param(b'{"name":"\xff"}', "application/json", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "application/json", id="deep JSON"),
        pytest.param(b"[" * 100_000, "application/yaml", id="deep YAML"),
        pytest.param(b"a: [", "application/yaml", id="YAML syntax"),
        pytest.param(YAML + b"---" + YAML, "application/yaml", id="two documents"),
        pytest.param(b"", "application/json", id="empty"),
    ],
)
def test_bad_syntax_is_400(bench: ApiBench, body: bytes, content_type: str) -> None:
    problem(bench.call("POST", "/tasks", body, content_type=content_type), 400)


@pytest.mark.parametrize("body", [[], "text", 5, None, {}], ids=repr)
def test_json_that_is_no_task_is_422(bench: ApiBench, body: object) -> None:
    problem(bench.call("POST", "/tasks", json.dumps(body).encode()), 422)


def test_a_node_is_not_a_task(bench: ApiBench) -> None:
    node = {"apiVersion": "taskyard/v1", "kind": "Node", "metadata": {"name": "n1"}}
    assert "/nodes" in problem(bench.call("POST", "/tasks", node), 422)["violations"][0]["hint"]


# --- preconditions ---


def test_etag_if_match(bench: ApiBench) -> None:
    etag = bench.call("POST", "/tasks", manifest()).headers["etag"]
    assert bench.call("PUT", "/tasks/web", manifest(image="b:2"), headers={"If-Match": etag}).status_code == 200
    body = problem(bench.call("PUT", "/tasks/web", manifest(image="b:3"), headers={"If-Match": etag}), 412)
    assert "not at revision" in body["detail"]
    problem(bench.call("DELETE", "/tasks/web", headers={"If-Match": etag}), 412)
    fresh = bench.call("GET", "/tasks/web").headers["etag"]
    assert bench.call("DELETE", "/tasks/web", headers={"If-Match": fresh}).status_code == 200


@pytest.mark.parametrize("form", ['"{0}"', "{0}"], ids=["quoted", "bare"])
def test_the_revision_is_an_etag_too(bench: ApiBench, form: str) -> None:
    revision = bench.call("POST", "/tasks", manifest()).json["metadata"]["revision"]
    headers = {"If-Match": form.format(revision)}
    assert bench.call("PUT", "/tasks/web", manifest(image="b:2"), headers=headers).status_code == 200


def test_if_match_of_something_else_never_matches(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    problem(bench.call("PUT", "/tasks/web", manifest(image="b:2"), headers={"If-Match": '"abc"'}), 412)


def test_if_match_of_anything_only_replaces(bench: ApiBench) -> None:
    body = problem(bench.call("PUT", "/tasks/web", manifest(), headers={"If-Match": "*"}), 412)
    assert "does not exist" in body["detail"]
    bench.call("POST", "/tasks", manifest())
    assert bench.call("PUT", "/tasks/web", manifest(image="b:2"), headers={"If-Match": "*"}).status_code == 200
    assert bench.call("DELETE", "/tasks/web", headers={"If-Match": "*"}).status_code == 200


def test_put_only_if_absent(bench: ApiBench) -> None:
    assert bench.call("PUT", "/tasks/web", manifest(), headers={"If-None-Match": "*"}).status_code == 201
    problem(bench.call("PUT", "/tasks/web", manifest(image="b:2"), headers={"If-None-Match": "*"}), 409)


def test_304_until_anything_shown_changes(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    bench.bind("web")
    etag = bench.call("GET", "/tasks/web").headers["etag"]
    same = bench.call("GET", "/tasks/web", headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    bench.plane.report("web", TaskState.RUNNING)  # the status changes without a write of the task
    bench.plane.pump()
    changed = bench.call("GET", "/tasks/web", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json["status"]["state"]) == (200, "Running")


# --- delete ---


def test_delete_again_and_again(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    bench.bind("web")
    first, second = bench.call("DELETE", "/tasks/web?gracePeriod=2.5"), bench.call("DELETE", "/tasks/web")
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json["metadata"] == first.json["metadata"]
    assert first.json["metadata"]["annotations"] == {"taskyard/grace-period": "2.5"}


def test_what_a_folder_declares_needs_force(bench: ApiBench) -> None:
    bench.call("POST", "/apply?source=folder/demo", {"documents": [{"object": manifest()}]})
    assert "folder/demo" in problem(bench.call("PUT", "/tasks/web", manifest(image="b:2")), 409)["detail"]
    assert "folder/demo" in problem(bench.call("DELETE", "/tasks/web"), 409)["detail"]
    assert bench.call("PUT", "/tasks/web?force=1", manifest(image="b:2")).status_code == 200
    assert bench.call("DELETE", "/tasks/web?force=1").status_code == 200


def test_a_uid_never_deletes_the_next_of_that_name(bench: ApiBench) -> None:
    uid = bench.call("POST", "/tasks", manifest()).json["metadata"]["uid"]
    elsewhere = bench.api.tasks.writer
    elsewhere.delete(ObjectKey("Task", "default", "web"))
    elsewhere.apply(read_object(manifest()))
    problem(bench.call("DELETE", f"/tasks/{uid}"), 404)  # the cache here has not seen that yet
    assert bench.stored("web") is not None


# --- lists ---


@pytest.fixture
def stocked(bench: ApiBench) -> ApiBench:
    for name, tier in (("a", "front"), ("b", "front"), ("c", "back")):
        bench.call("POST", "/tasks", manifest(name, labels={"tier": tier, "app": name}))
    bench.call("POST", "/tasks", manifest("d", namespace="shop", labels={"tier": "back"}))
    bench.bind("a", "b", "c")
    bench.plane.report("a", TaskState.RUNNING)
    bench.plane.pump()
    return bench


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", ["a", "b", "c", "d"], id="all namespaces"),
        pytest.param("namespace=default", ["a", "b", "c"], id="one namespace"),
        pytest.param("namespace=nothing", [], id="none there"),
        pytest.param("labelSelector=tier%3Dback", ["c", "d"], id="label"),
        pytest.param("labelSelector=tier%3Dfront,app%21%3Da", ["b"], id="two labels"),
        pytest.param("fieldSelector=status.state%3DRunning", ["a"], id="state"),
        pytest.param("fieldSelector=status.node%3Dn1,status.state%21%3DRunning", ["b", "c", "d"], id="node"),
        pytest.param("fieldSelector=metadata.name%3Dc", ["c"], id="name"),
    ],
)
def test_selection(stocked: ApiBench, query: str, expected: list[str]) -> None:
    assert names(stocked, query) == expected


def test_pages(stocked: ApiBench) -> None:
    seen: list[str] = []
    token = ""
    for _ in range(3):
        answer = stocked.call("GET", f"/tasks?limit=2&continue={token}").json
        seen += [task["metadata"]["name"] for task in answer["items"]]
        token = answer["metadata"].get("continue", "")
        if not token:
            break
    assert seen == ["a", "b", "c", "d"]
    problem(stocked.call("GET", "/tasks?continue=%21"), 400)


def test_a_pending_task_says_why_for_each_node(bench: ApiBench) -> None:
    body = {**SEED_BODY, "memory": 8192}
    bench.call("POST", "/tasks", body)
    bench.bind()
    for status in (
        bench.call("GET", "/tasks/web-server").json["status"],
        bench.call("GET", "/tasks").json["items"][0]["status"],
    ):
        assert status["state"] == "Pending"
        assert "n1" in status["message"]
        assert "memory" in status["message"]


def test_consistent_reads_see_what_another_wrote(bench: ApiBench) -> None:
    bench.call("GET", "/tasks")
    bench.plane.put(keys.task("default", "web"), encode(read_object(manifest())))
    assert names(bench, "") == []
    assert names(bench, "consistent=1") == ["web"]
    assert bench.call("GET", "/tasks/web?consistent=1").status_code == 200


def test_a_quarantined_value_is_explained(bench: ApiBench) -> None:
    bench.plane.put(keys.task("default", "broken"), b'{"kind":"Task","spec":{"imag":1}}')
    bench.plane.pump()
    assert "not usable" in problem(bench.call("GET", "/tasks/broken"), 404)["detail"]
    assert bench.call("DELETE", "/tasks/broken").status_code == 204
    assert bench.store.get(keys.task("default", "broken")) is None


def test_head_is_get_without_a_body(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    for path in ("/tasks", "/tasks?watch=1", "/tasks/web"):
        head = bench.call("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
    assert bench.call("HEAD", "/tasks/nope").status_code == 404


def test_of_tasks_that_ask_for_as_much_each_says_why_it_waits_itself(bench: ApiBench) -> None:
    more: dict[str, dict[str, object]] = {
        "gang": {"gang": {"name": "pair", "size": 2}},
        "later": {"dependsOn": [{"kind": "Task", "name": "db"}]},
        "plain": {},
    }
    documents = []
    for name, fields in more.items():
        document = manifest(name)
        document["spec"] |= fields
        documents.append({"source": f"{name}:0", "object": document})
    bench.plane.add_node("n1")
    assert bench.call("POST", "/apply", {"documents": documents}).status_code == 200
    listed = {task["metadata"]["name"]: task["status"]["message"] for task in bench.call("GET", "/tasks").json["items"]}
    alone = {name: bench.call("GET", f"/tasks/{name}").json["status"]["message"] for name in more}
    assert listed == alone
    assert len(set(alone.values())) == 3
    encode = bench.api.tasks.encoder()
    watched = {
        key.name: encode(shown).status.message
        for key in bench.plane.cache.tasks
        if (shown := bench.api.tasks.show(key)) is not None
    }
    assert watched == alone
