"""Kinds that are no tasks, over HTTP: the same routes, the same answers, the same errors."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import HostPort, Secret, TaskState, TaskStatus, decode
from tests.controlplane.api.bench import ApiBench, manifest, problem

DB = keys.object_key(ObjectKey("Secret", "default", "db"))


def an(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "taskyard/v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def secret(**data: str) -> dict[str, Any]:
    return an("Secret", "db", {"data": data})


def test_create_read_replace_delete(bench: ApiBench) -> None:
    made = bench.call("POST", "/configs", an("Config", "app", {"data": {"a": "1"}}))
    assert (made.status_code, made.headers["location"]) == (201, "/configs/app")
    assert bench.call("POST", "/configs", an("Config", "app", {"data": {}})).status_code == 409
    assert bench.call("GET", "/configs/app").json["spec"] == {"data": {"a": "1"}}
    assert bench.call("GET", f"/configs/{made.json['metadata']['uid']}").json == made.json
    changed = bench.call("PUT", "/configs/app", an("Config", "app", {"data": {"a": "2"}}))
    assert (changed.status_code, changed.json["metadata"]["generation"]) == (200, 2)
    listed = bench.call("GET", "/configs").json
    assert (listed["kind"], [each["metadata"]["name"] for each in listed["items"]]) == ("ConfigList", ["app"])
    assert bench.call("DELETE", "/configs/app").status_code == 200
    problem(bench.call("GET", "/configs/app"), 404)


def test_a_patch_merges_and_heeds_if_match(bench: ApiBench) -> None:
    made = bench.call("PUT", "/configs/app", an("Config", "app", {"data": {"a": "1", "b": "2"}}))
    merge = "application/merge-patch+json"
    patched = bench.call("PATCH", "/configs/app", {"spec": {"data": {"a": None, "c": "3"}}}, content_type=merge)
    assert patched.json["spec"]["data"] == {"b": "2", "c": "3"}
    old = {"If-Match": made.headers["etag"]}
    problem(bench.call("PATCH", "/configs/app", {"spec": {}}, content_type=merge, headers=old), 412)
    problem(bench.call("PATCH", "/configs/none", {"spec": {}}, content_type=merge), 404)
    body = problem(bench.call("PATCH", "/configs/app", {"spec": {"data": {"a": 1}}}, content_type=merge), 422)
    assert body["violations"][0]["path"] == "spec.data.a"


def test_a_task_can_be_patched_too(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest("web"))
    bench.bind("web")
    answer = bench.call(
        "PATCH", "/tasks/web", {"spec": {"env": {"A": "b"}}}, content_type="application/merge-patch+json"
    )
    assert answer.json["spec"] == {"image": "busybox:1.35", "env": {"A": "b"}}
    stored = bench.stored("web")
    assert stored is not None
    assert stored.binding is not None


def test_no_answer_holds_a_secret_s_value(bench: ApiBench) -> None:
    sent = {"documents": [{"object": secret(password="correct horse")}]}
    again = {"documents": [{"object": secret(password="battery staple")}]}
    answers = [
        bench.call("POST", "/apply", sent),
        bench.call("POST", "/apply", again),
        bench.call("GET", "/secrets/db"),
        bench.call("GET", "/secrets"),
        bench.call("PATCH", "/secrets/db", {"spec": {"data": {"b": "battery staple"}}}),
        bench.call("DELETE", "/secrets/db"),
    ]
    assert all("horse" not in answer.text and "staple" not in answer.text for answer in answers)
    assert answers[1].json["results"][0]["changes"] == [
        {"path": "spec.data.password", "old": "(hidden)", "new": "(hidden, another)"}
    ]
    assert answers[2].json["status"] == {"sizes": {"password": 14}}
    wrong = secret()
    wrong["spec"]["data"]["pin"] = 4711
    assert "4711" not in bench.call("POST", "/secrets", wrong).text


def test_a_secret_is_stored_as_it_is(bench: ApiBench) -> None:
    bench.call("POST", "/secrets", secret(password="correct horse"))
    entry = bench.store.get(DB)
    assert entry is not None
    assert decode(entry.value, Secret).spec.data == {"password": "correct horse"}


def test_a_namespace_is_in_none(bench: ApiBench) -> None:
    assert bench.call("POST", "/namespaces", an("Namespace", "shop", {})).status_code == 201
    assert bench.call("GET", "/namespaces/shop?namespace=other").status_code == 200
    problem(bench.call("POST", "/namespaces", an("Namespace", "b", {}, namespace="a")), 422)
    deleted = bench.call("DELETE", "/namespaces/shop")
    assert (deleted.status_code, bool(deleted.json["metadata"]["deletionTimestamp"])) == (202, True)


def test_the_wrong_kind_is_sent_elsewhere(bench: ApiBench) -> None:
    body = problem(bench.call("POST", "/secrets", an("Config", "app", {"data": {}})), 422)
    assert body["violations"][0]["hint"] == "send configs to /configs or /apply"
    body = problem(bench.call("POST", "/tasks", an("Config", "app", {"data": {}})), 422)
    assert "'Config' is not a Task" in body["violations"][0]["message"]


def test_an_apply_mixes_kinds_and_is_all_or_nothing(bench: ApiBench) -> None:
    bench.call("POST", "/apply?source=folder/demo", {"documents": [{"object": an("Config", "taken", {"data": {}})}]})
    before = bench.store.list(keys.ROOT)
    mixed = [manifest("web"), an("Config", "taken", {"data": {"a": "b"}}), secret(a="b")]
    body = problem(bench.call("POST", "/apply", {"documents": [{"object": each} for each in mixed]}), 409)
    assert "config/taken is declared by folder/demo" in body["violations"][0]["message"]
    assert "--force (?force=1)" in body["violations"][0]["hint"]
    assert bench.store.list(keys.ROOT) == before
    mixed[1]["metadata"]["name"] = "free"
    answer = bench.call("POST", "/apply", {"documents": [{"object": each} for each in mixed]})
    assert [(each["kind"], each["result"]) for each in answer.json["results"]] == [
        ("Task", "created"),
        ("Config", "created"),
        ("Secret", "created"),
    ]


@pytest.mark.parametrize("path", ["/secrets?fieldSelector=spec.image=a", "/configs?lableSelector=a"])
def test_what_is_not_known_is_refused(bench: ApiBench, path: str) -> None:
    problem(bench.call("GET", path), 400)


def test_selectors_choose(bench: ApiBench) -> None:
    bench.call("POST", "/configs", an("Config", "a", {"data": {}}, labels={"app": "x"}))
    bench.call("POST", "/configs", an("Config", "b", {"data": {}}, namespace="shop"))

    def names(query: str) -> list[str]:
        return [each["metadata"]["name"] for each in bench.call("GET", f"/configs?{query}").json["items"]]

    assert names("") == ["a", "b"]
    assert names("namespace=shop") == ["b"]
    assert names("labelSelector=app%3Dx") == ["a"]
    assert names("fieldSelector=metadata.name%3Db") == ["b"]


def test_what_was_put_by_hand_and_cannot_be_read_is_told(bench: ApiBench) -> None:
    bench.plane.put(keys.object_key(ObjectKey("Config", "default", "bad")), b'{"kind":"Config"}')
    bench.plane.pump()
    body = problem(bench.call("GET", "/configs/bad"), 404)
    assert "what etcd holds under that name is not usable" in body["detail"]


def web(image: str = "a:1", **spec: Any) -> dict[str, Any]:
    ports = [{"container": 80, "host": "auto", "name": "http"}]
    return an("Service", "web", {"replicas": 2, "template": {"spec": {"image": image, "ports": ports}}, **spec})


def settle(bench: ApiBench) -> None:
    plane = bench.plane
    plane.settle(plane.services, plane.scheduler, plane.tasks)


def run(bench: ApiBench, name: str) -> None:
    """The agent's word that it runs, with the port that it was given."""
    task = bench.stored(name)
    assert task is not None
    assert task.binding is not None
    status = TaskStatus(
        uid=task.metadata.uid,
        namespace="default",
        name=name,
        epoch=task.binding.epoch,
        state=TaskState.RUNNING,
        ports=[HostPort(container=80, host=32000 + int(name[-1]), name="http", address="0.0.0.0")],
    )
    bench.plane.put(keys.status(task.binding.node, task.metadata.uid), status)
    settle(bench)


def test_a_service_shows_how_far_it_is_and_where_it_is_reached(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.plane.lead()
    assert bench.call("POST", "/services", web()).json["status"]["phase"] == "Pending"
    settle(bench)
    run(bench, "web-0")
    status = bench.call("GET", "/services/web").json["status"]
    assert (status["phase"], status["ready"], status["wanted"]) == ("Progressing", 1, 2)
    assert status["message"] == "waits for task/web-1"
    found = bench.call("GET", "/services/web/endpoints").json
    port = {"name": "http", "container": 80, "address": "127.0.0.1", "port": 32000}
    assert found["endpoints"] == [{"task": "web-0", "slot": "0", "node": "n1", "revision": 1, "ports": [port]}]
    run(bench, "web-1")
    assert bench.call("GET", "/services/web").json["status"]["phase"] == "Complete"
    assert [len(each["endpoints"]) for each in bench.call("GET", "/endpoints").json["items"]] == [2]
    problem(bench.call("GET", "/services/none/endpoints"), 404)
    problem(bench.call("POST", "/endpoints", web()), 405)


def test_revisions_are_told_with_who_and_why(bench: ApiBench) -> None:
    bench.plane.lead()
    first = web()
    first["metadata"]["annotations"] = {"taskyard/changed-by": "ann", "taskyard/change-cause": "the first"}
    bench.call("PUT", "/services/web", first)
    settle(bench)
    bench.call("PUT", "/services/web", web("a:2"))
    settle(bench)
    found = bench.call("GET", "/services/web/revisions").json
    assert [(each["number"], each.get("by"), each.get("why")) for each in found["revisions"]] == [
        (1, "ann", "the first"),
        (2, None, None),
    ]
    assert (found["revision"], found["stable"]) == (2, 0)


def test_what_a_service_made_is_its_own(bench: ApiBench) -> None:
    bench.plane.lead()
    bench.call("PUT", "/services/web", web())
    settle(bench)
    body = problem(bench.call("PUT", "/tasks/web-0", manifest("web-0")), 409)
    assert "task/web-0 is made by service/web" in body["detail"]
    assert bench.call("DELETE", "/tasks/web-0").status_code == 200
