"""The past over HTTP: objects as they were, how they came to be as they are, what differs, and turning one back."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.past import HistoryKeeper, Retention
from taskyard import keys
from taskyard.clock import timestamp
from tests.controlplane.api.bench import ApiBench, manifest, problem


def put(bench: ApiBench, image: str, **metadata: Any) -> None:
    assert bench.call("PUT", "/tasks/web", manifest(image=image, **metadata)).status_code in (200, 201)


def revision(bench: ApiBench) -> int:
    return bench.store.list(keys.LEADERS).revision


def test_a_list_and_an_object_as_they_were(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    bench.bind("web")
    bench.settle()
    then = revision(bench)
    put(bench, "busybox:1.36")
    assert bench.call("DELETE", "/tasks/web").status_code == 202
    bench.settle()
    problem(bench.call("GET", "/tasks/web"), 404)

    old = bench.call("GET", f"/tasks/web?at={then}").json
    assert (old["spec"]["image"], old["status"]["state"], old["status"]["node"]) == ("busybox:1.35", "Running", "n1")
    listed = bench.call("GET", f"/tasks?at={then}&labelSelector=!x&fieldSelector=status.node%3Dn1").json
    assert [each["metadata"]["name"] for each in listed["items"]] == ["web"]
    assert listed["metadata"]["revision"] == then
    assert bench.call("GET", f"/nodes/n1?at={then}").json["status"]["tasks"] == 1
    assert bench.call("GET", f"/nodes?at={then}").json["items"][0]["status"]["ready"]
    assert bench.call("GET", "/nodes/n1").json["status"].get("tasks", 0) == 0
    problem(bench.call("GET", "/tasks/web?at=1"), 404)


def test_a_moment_is_found_by_the_marks(bench: ApiBench) -> None:
    bench.plane.lead()
    keeper = HistoryKeeper(bench.store, bench.clock, bench.plane.elector.fence, Retention(3600, 2**30), lambda: 0)
    put(bench, "busybox:1.35")
    keeper.step()
    then = bench.clock.now()
    bench.clock.advance(2.0)
    put(bench, "busybox:1.36")
    keeper.step()
    at = timestamp(then + 1.0)
    assert bench.call("GET", f"/tasks/web?at={at}").json["spec"]["image"] == "busybox:1.35"
    assert bench.call("GET", f"/tasks/web?at={timestamp(then + 60)}").json["spec"]["image"] == "busybox:1.36"
    steps = bench.call("GET", "/tasks/web/history").json["steps"]
    assert [step["at"] for step in steps] == [timestamp(then), timestamp(then)]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("at=tomorrow", id="no moment"),
        pytest.param("at=99999", id="in the future"),
        pytest.param("at=2020-01-01T00:00:00Z", id="before the first mark"),
        pytest.param("at=1&watch=1", id="with watch"),
        pytest.param("at=1&consistent=1", id="with consistent"),
    ],
)
def test_moments_that_are_none(bench: ApiBench, query: str) -> None:
    problem(bench.call("GET", f"/tasks?{query}"), 400)


def test_what_was_compacted_is_refused_and_says_how_far_back_it_goes(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    put(bench, "busybox:1.36")
    bench.store.compact(revision(bench))
    body = problem(bench.call("GET", "/tasks/web?at=1"), 400)
    assert f"history goes back to revision {revision(bench)}" in body["detail"]
    assert bench.call("GET", f"/tasks/web?at={revision(bench)}").status_code == 200


def test_the_history_of_a_task_from_its_declaration_to_its_end(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    bench.bind("web")
    bench.settle()
    put(bench, "busybox:1.36", annotations={"taskyard/change-cause": "CVE"})
    bench.settle()
    bench.call("DELETE", "/tasks/web")
    bench.settle()
    found = bench.call("GET", "/tasks/web/history").json
    assert [(step["what"], step["by"]) for step in found["steps"]] == [
        ("created", "user"),
        ("bound to n1", "scheduler"),
        ("Running", "agent/n1"),
        ("changed", "user"),
        ("bound to n1", "scheduler"),
        ("Running", "agent/n1"),
        ("to be deleted", "user"),
        ("Completed", "agent/n1"),
        ("removed", "controllers"),
    ]
    assert found["steps"][3]["why"] == "CVE"
    assert {change["path"] for change in found["steps"][3]["changes"]} == {
        'metadata.annotations["taskyard/change-cause"]',
        "spec.image",
    }
    newest = bench.call("GET", "/tasks/web/history?limit=2").json
    assert (newest["leftOut"], [step["what"] for step in newest["steps"]]) == (7, ["Completed", "removed"])
    problem(bench.call("GET", "/tasks/none/history"), 404)


def test_the_history_of_a_secret_shows_no_value(bench: ApiBench) -> None:
    for value in ("first", "second"):
        body = {
            "apiVersion": "taskyard/v1",
            "kind": "Secret",
            "metadata": {"name": "db"},
            "spec": {"data": {"password": value}},
        }
        bench.call("PUT", "/secrets/db", body)
    answer = bench.call("GET", "/secrets/db/history")
    assert [step["what"] for step in answer.json["steps"]] == ["created", "changed"]
    assert "first" not in answer.text
    assert "second" not in answer.text


def test_a_node_has_a_history_too(bench: ApiBench) -> None:
    bench.bind()
    bench.call("PATCH", "/nodes/n1", {"cordoned": True}, content_type="application/merge-patch+json")
    steps = bench.call("GET", "/nodes/n1/history").json["steps"]
    assert [step["what"] for step in steps] == ["there", "created"]


def test_what_differs_between_two_moments_is_what_was_declared(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    bench.call("POST", "/tasks", manifest("old"))
    start = revision(bench)
    bench.bind("web", "old")
    bench.settle()
    put(bench, "busybox:1.36")
    bench.call("POST", "/tasks", manifest("new"))
    bench.call("DELETE", "/tasks/old")
    bench.settle()
    found = bench.call("GET", f"/differences?from={start}").json
    assert [(each["name"], each["what"]) for each in found["objects"]] == [
        ("new", "created"),
        ("old", "removed"),
        ("web", "changed"),
    ]
    assert found["objects"][2]["changes"] == [{"path": "spec.image", "old": "busybox:1.35", "new": "busybox:1.36"}]
    assert bench.call("GET", f"/differences?from={start}&to={start}").json["objects"] == []
    assert bench.call("GET", f"/differences?from={start}&namespace=other").json["objects"] == []
    problem(bench.call("GET", "/differences"), 400)
    problem(bench.call("GET", f"/differences?from={revision(bench)}&to={start}"), 400)


def test_undo_declares_what_was_there_before_the_last_change_and_again_redoes_it(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    put(bench, "busybox:1.36")
    bench.bind("web")
    bench.settle()
    dry = bench.call("POST", "/tasks/web/undo?dryRun=1").json
    assert dry["changes"] == [{"path": "spec.image", "old": "busybox:1.36", "new": "busybox:1.35"}]
    for image in ("busybox:1.35", "busybox:1.36"):
        assert bench.call("POST", "/tasks/web/undo").json["result"] == "configured"
        stored = bench.stored("web")
        assert stored is not None
        assert stored.spec.image == image


def test_undo_brings_back_what_was_deleted_as_a_new_object(bench: ApiBench) -> None:
    put(bench, "busybox:1.35")
    before = bench.stored("web")
    bench.call("DELETE", "/tasks/web")
    assert bench.stored("web") is None
    assert bench.call("POST", "/tasks/web/undo").json["result"] == "created"
    after = bench.stored("web")
    assert before is not None
    assert after is not None
    assert (after.spec, after.metadata.uid != before.metadata.uid) == (before.spec, True)


def test_undo_to_a_moment(bench: ApiBench) -> None:
    start = revision(bench)
    put(bench, "busybox:1.34")
    then = revision(bench)
    for image in ("busybox:1.35", "busybox:1.36"):
        put(bench, image)
    assert bench.call("POST", f"/tasks/web/undo?to={then}").json["revision"] == then
    stored = bench.stored("web")
    assert stored is not None
    assert stored.spec.image == "busybox:1.34"
    problem(bench.call("POST", f"/tasks/web/undo?to={start}"), 409)


def test_undo_refuses_what_never_was_what_never_changed_and_what_a_folder_declares(bench: ApiBench) -> None:
    problem(bench.call("POST", "/tasks/none/undo"), 404)
    put(bench, "busybox:1.35")
    problem(bench.call("POST", "/tasks/web/undo"), 409)
    sent = {"documents": [{"source": "", "object": manifest(image="busybox:1.36")}]}
    assert bench.call("POST", "/apply?source=folder/demo", sent).status_code == 200
    assert "folder/demo" in problem(bench.call("POST", "/tasks/web/undo"), 409)["detail"]
    assert bench.call("POST", "/tasks/web/undo?force=1").json["result"] == "configured"


def test_undo_of_a_deletion_does_not_bring_its_grace_period_back(bench: ApiBench) -> None:
    put(bench, "busybox:1.35", annotations={"note": "kept"})
    bench.bind("web")
    bench.settle()
    bench.call("DELETE", "/tasks/web?gracePeriod=0")
    bench.settle()
    assert bench.stored("web") is None
    assert bench.call("POST", "/tasks/web/undo").json["result"] == "created"
    stored = bench.stored("web")
    assert stored is not None
    assert stored.metadata.annotations == {"note": "kept"}
