"""Every fault of the seed's REST facade (see SEED), shown to be impossible here."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from taskyard import keys
from taskyard.objects import TaskState
from tests.controlplane.api.bench import SEED_BODY, ApiBench, manifest, problem

EVENT: dict[str, Any] = {
    "ID": "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c",
    "State": 2,
    "Timestamp": "2026-01-31T12:00:00Z",
    "Task": {
        "ID": "21b23589-5d2d-4731-b5c9-a97e9832d021",
        "Name": "test-chapter-9",
        "Image": "timboring/echo-server:latest",
        "ExposedPorts": {"7777/tcp": {}},
    },
}


def test_the_flat_body_of_the_readme_is_a_task(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", SEED_BODY)
    assert made.status_code == 201
    assert made.headers["location"] == "/tasks/web-server"
    assert made.json["spec"]["image"] == "nginx:latest"
    assert made.json["spec"]["resources"] == {"cpu": "1", "memory": "512Mi", "disk": "1Gi"}
    assert [port["container"] for port in made.json["spec"]["ports"]] == [80]


def test_the_event_form_is_a_task(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", EVENT)
    assert made.status_code == 201, made.text
    assert made.json["metadata"]["name"] == "test-chapter-9"
    assert made.json["spec"]["image"] == "timboring/echo-server:latest"


def test_201_is_only_said_of_what_is_stored(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", SEED_BODY)
    entry = bench.store.get(keys.task("default", "web-server"))
    assert entry is not None
    assert made.json["metadata"]["revision"] == entry.mod_revision
    assert made.json["metadata"]["uid"]


def test_nothing_is_said_to_be_created_when_etcd_did_not_take_it(bench: ApiBench) -> None:
    bench.store.down = True
    problem(bench.call("POST", "/tasks", SEED_BODY), 503)
    bench.store.down = False
    assert bench.stored("web-server") is None


def test_an_unknown_field_is_explained_and_not_a_decoders_message(bench: ApiBench) -> None:
    body = problem(bench.call("POST", "/tasks", {**SEED_BODY, "memroy": 1}), 422)
    (violation,) = body["violations"]
    assert violation["path"] == "memroy"
    assert "memory" in violation["message"] + violation["hint"]
    assert bench.stored("web-server") is None


def test_the_list_is_ordered_and_complete(bench: ApiBench) -> None:
    for name in ("zulu", "alpha", "mike"):
        bench.call("POST", "/tasks", manifest(name))
    bench.call("POST", "/tasks", manifest("alpha", namespace="aaa"))
    listed = bench.call("GET", "/tasks").json
    assert listed["kind"] == "TaskList"
    assert [(t["metadata"].get("namespace", "default"), t["metadata"]["name"]) for t in listed["items"]] == [
        ("aaa", "alpha"),
        ("default", "alpha"),
        ("default", "mike"),
        ("default", "zulu"),
    ]


def test_lists_are_snapshots_while_everything_changes(bench: ApiBench) -> None:
    """The seed's list raced with its loop. Here each write changes both tasks at once, and no list sees only one."""
    first, second = manifest("a", labels={"round": "0"}), manifest("b", labels={"round": "0"})
    documents = [{"object": first}, {"object": second}]
    bench.call("POST", "/apply", {"documents": documents})
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            rounds = {task.metadata.labels["round"] for task in bench.api.tasks.page(bench.api.tasks.choose()).items}
            if len(rounds) != 1:
                failures.append(rounds)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 40):
        first["metadata"]["labels"] = second["metadata"]["labels"] = {"round": str(number)}
        assert bench.call("POST", "/apply", {"documents": documents}).status_code == 200
    done.set()
    reader.join()
    assert failures == []


def test_a_task_is_found_by_name_and_by_uid(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", SEED_BODY).json
    assert bench.call("GET", "/tasks/web-server").json == made
    assert bench.call("GET", f"/tasks/{made['metadata']['uid']}").json == made


def test_a_task_is_found_by_the_id_that_its_client_gave_it(bench: ApiBench) -> None:
    ident = EVENT["Task"]["ID"]
    made = bench.call("POST", "/tasks", EVENT).json
    assert bench.call("GET", f"/tasks/{ident}").json == made
    assert "by name, uid or ID" in problem(bench.call("GET", f"/tasks/{ident}?namespace=shop"), 404)["detail"]
    assert bench.call("DELETE", f"/tasks/{ident}").json["metadata"]["name"] == "test-chapter-9"
    problem(bench.call("GET", f"/tasks/{ident}"), 404)


def test_a_name_goes_before_an_id_and_an_id_of_two_is_of_none(bench: ApiBench) -> None:
    other = {**EVENT, "Task": {**EVENT["Task"], "Name": "other"}}
    bench.call("POST", "/tasks", EVENT)
    bench.call("POST", "/tasks", other)
    ident = EVENT["Task"]["ID"]
    for method in ("GET", "DELETE"):
        assert "other, test-chapter-9" in problem(bench.call(method, f"/tasks/{ident}"), 409)["detail"]
    bench.call("POST", "/tasks", manifest(ident))
    assert bench.call("GET", f"/tasks/{ident}").json["metadata"]["name"] == ident


@pytest.mark.parametrize("by", ["name", "uid"])
def test_delete_finds_its_task(bench: ApiBench, by: str) -> None:
    """The seed's route misspelt its parameter and always answered 400."""
    made = bench.call("POST", "/tasks", SEED_BODY).json
    gone = bench.call("DELETE", f"/tasks/{made['metadata'][by]}")
    assert gone.status_code == 200
    assert gone.json["metadata"]["name"] == "web-server"
    problem(bench.call("GET", "/tasks/web-server"), 404)


def test_delete_of_a_running_task_is_accepted_and_only_then_done(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    bench.bind("web")
    bench.plane.report("web", TaskState.RUNNING)
    bench.plane.pump()
    accepted = bench.call("DELETE", "/tasks/web")
    assert accepted.status_code == 202
    assert accepted.json["status"]["state"] == "Stopping"
    assert accepted.json["metadata"]["deletionTimestamp"]

    bench.plane.settle(bench.plane.tasks)
    shown = bench.call("GET", "/tasks/web").json
    assert shown["status"]["state"] == "Stopping", "a stop that was not confirmed is not Completed"

    bench.plane.report("web", TaskState.COMPLETED)
    bench.plane.settle(bench.plane.tasks)
    problem(bench.call("GET", "/tasks/web"), 404)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_not_there_is_404_with_a_reason(bench: ApiBench, method: str) -> None:
    bench.call("POST", "/tasks", manifest("web", namespace="shop"))
    body = problem(bench.call(method, "/tasks/web"), 404)
    assert "web" in body["detail"]


def test_the_hint_names_the_namespace_that_has_it(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest("web", namespace="shop"))
    assert "namespace shop" in problem(bench.call("GET", "/tasks/web"), 404)["detail"]


def test_stats_count_the_tasks(bench: ApiBench) -> None:
    """The seed's count was never set."""
    bench.call("POST", "/tasks", manifest("a"))
    bench.call("POST", "/tasks", manifest("b"))
    bench.bind("a", "b")
    (node,) = bench.call("GET", "/stats").json["nodes"]
    assert (node["name"], node["tasks"]) == ("n1", 2)
