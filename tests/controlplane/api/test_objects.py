"""Kinds that are no tasks, over HTTP: the same routes, the same answers, the same errors."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Secret, decode
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
