"""/nodes: what is shown, what is never shown, and what an operator may say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from taskyard import keys
from taskyard.objects import Amounts, NodeCondition, NodeLease, NodeSpec, NodeStats, TaskUsage, decode
from tests.controlplane.api.bench import ApiBench, manifest, problem

AT = "2026-11-27T00:00:00Z"
TOKEN = "0123456789abcdef-the-agents-secret"
LEASE = NodeLease(
    incarnation="i-secret",
    host_id="h-secret",
    address="10.0.0.1:9000",
    token=TOKEN,
    capacity=Amounts(cpu_millis=4000, memory_bytes=2**32, disk_bytes=2**36),
    labels={"zone": "a"},
    runtime="docker 20.10.24",
)


@pytest.fixture
def node(bench: ApiBench) -> ApiBench:
    bench.plane.put(keys.node_lease("n1"), LEASE)
    bench.plane.pump()
    return bench


def spec_of(bench: ApiBench) -> NodeSpec:
    entry = bench.store.get(keys.node_spec("n1"))
    assert entry is not None
    return decode(entry.value, NodeSpec)


def test_a_node_with_what_it_has_and_what_is_promised(node: ApiBench) -> None:
    made = manifest()
    made["spec"]["resources"] = {"cpu": "500m", "memory": "1Gi"}
    node.call("POST", "/tasks", made)
    node.plane.lead()
    node.plane.settle(node.plane.scheduler)
    shown = node.call("GET", "/nodes/n1").json
    assert shown["kind"] == "Node"
    status = shown["status"]
    assert (status["ready"], status["tasks"], status["address"]) == (True, 1, "10.0.0.1:9000")
    assert status["capacity"] == {"cpuMillis": 4000, "memoryBytes": 2**32, "diskBytes": 2**36}
    assert status["allocated"] == {"cpuMillis": 500, "memoryBytes": 2**30}
    assert node.call("GET", "/nodes").json["items"] == [shown]


def test_the_token_is_never_shown(node: ApiBench) -> None:
    node.call("POST", "/tasks", manifest())
    node.plane.put(keys.node_stats("n1"), NodeStats(at="2026-01-01T00:00:00Z"))
    node.plane.pump()
    for path in ("/nodes", "/nodes/n1", "/stats", "/tasks", "/events", "/metrics", "/readyz", "/tasks/web/logs"):
        text = node.call("GET", path).text
        assert TOKEN not in text
        assert "secret" not in text


def test_a_node_whose_runtime_does_not_answer_is_not_ready(node: ApiBench) -> None:
    node.plane.put(keys.node_lease("n1"), replace(LEASE, conditions=[NodeCondition(type="RuntimeDown", since=AT)]))
    node.plane.pump()
    status = node.call("GET", "/nodes/n1").json["status"]
    assert (status["ready"], status["reason"]) == (False, "RuntimeDown")
    assert "\ntaskyard_nodes_ready 0.0\n" in node.call("GET", "/metrics").text


def test_a_node_that_runs_out_of_something_takes_nothing_new(node: ApiBench) -> None:
    node.plane.put(
        keys.node_lease("n1"), replace(LEASE, conditions=[NodeCondition(type="DiskPressure", since=AT, message="full")])
    )
    node.call("POST", "/tasks", manifest())
    node.plane.lead()
    node.plane.settle(node.plane.scheduler)
    shown = node.call("GET", "/nodes/n1").json["status"]
    assert shown["conditions"] == [{"type": "DiskPressure", "since": AT, "message": "full"}]
    assert shown["taints"] == [{"key": "taskyard/disk-pressure"}]
    status = node.call("GET", "/tasks/web").json["status"]
    assert (status["state"], "taskyard/disk-pressure=:NoSchedule" in status["message"]) == ("Pending", True), status
    node.plane.put(keys.node_lease("n1"), LEASE)
    node.plane.settle(node.plane.scheduler)
    assert node.call("GET", "/tasks/web").json["status"]["state"] == "Scheduled"


@pytest.mark.parametrize(
    ("method", "body", "content_type"),
    [
        pytest.param("PATCH", {"cordoned": True}, "application/merge-patch+json", id="patch of the spec"),
        pytest.param("PATCH", {"spec": {"cordoned": True}}, "application/json", id="patch of the object"),
        pytest.param("PUT", {"cordoned": True}, "application/json", id="put of the spec"),
        pytest.param(
            "PUT",
            {"apiVersion": "taskyard/v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"cordoned": True}},
            "application/json",
            id="put of the object",
        ),
    ],
)
def test_cordon(node: ApiBench, method: str, body: object, content_type: str) -> None:
    answer = node.call(method, "/nodes/n1", body, content_type=content_type)
    assert answer.status_code == 201
    assert answer.json["spec"]["cordoned"] is True
    assert answer.json["status"]["reason"] == "Cordoned"
    assert spec_of(node).cordoned is True


def test_a_patch_merges_and_null_removes(node: ApiBench) -> None:
    node.call("PUT", "/nodes/n1", {"labels": {"disk": "ssd", "rack": "r1"}, "cordoned": True})
    answer = node.call("PATCH", "/nodes/n1", {"labels": {"rack": None, "tier": "gold"}, "cordoned": None})
    assert answer.status_code == 200
    assert answer.json["spec"] == {"labels": {"disk": "ssd", "tier": "gold"}}
    assert answer.json["status"]["labels"] == {"zone": "a", "disk": "ssd", "tier": "gold"}


def test_a_patch_that_changes_nothing_writes_nothing(node: ApiBench) -> None:
    node.call("PATCH", "/nodes/n1", {"cordoned": True})
    before = node.store.list(keys.ROOT).revision
    assert node.call("PATCH", "/nodes/n1", {"cordoned": True}).status_code == 200
    assert node.store.list(keys.ROOT).revision == before


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"cordoned": "yes"}, "spec.cordoned"),
        ({"cordonned": True}, "spec.cordonned"),
        ({"taints": [{"effect": "NoSchedule"}]}, "spec.taints[0].key"),
        ({"metadata": {"name": "n2"}, "spec": {}}, "metadata.name"),
    ],
    ids=["type", "unknown field", "missing field", "another name"],
)
def test_what_is_not_valid_is_not_written(node: ApiBench, body: object, path: str) -> None:
    found = problem(node.call("PATCH", "/nodes/n1", body), 422)
    assert path.split(".")[0] in found["violations"][0]["path"]
    assert node.store.get(keys.node_spec("n1")) is None


def test_two_patches_at_once_both_count(node: ApiBench) -> None:
    """Each is tried again on what the other left; only If-Match makes it the client's business."""
    etag = node.call("PUT", "/nodes/n1", {"labels": {"a": "1"}}).headers["etag"]
    node.call("PATCH", "/nodes/n1", {"labels": {"b": "2"}})
    problem(node.call("PATCH", "/nodes/n1", {"labels": {"c": "3"}}, headers={"If-Match": etag}), 412)
    node.call("PATCH", "/nodes/n1", {"labels": {"c": "3"}})
    assert spec_of(node).labels == {"a": "1", "b": "2", "c": "3"}


def test_a_write_without_an_answer_is_read_again(node: ApiBench) -> None:
    node.store.fail("commit", "answer lost")
    assert node.call("PATCH", "/nodes/n1", {"cordoned": True}).status_code == 201
    assert spec_of(node).metadata.generation == 1


def test_nodes_by_label(node: ApiBench) -> None:
    node.plane.add_node("n2")
    node.plane.pump()
    listed = node.call("GET", "/nodes?labelSelector=zone%3Da").json["items"]
    assert [each["metadata"]["name"] for each in listed] == ["n1"]


def test_a_node_that_is_gone_says_so(node: ApiBench) -> None:
    node.call("PATCH", "/nodes/n1", {"cordoned": False})
    node.plane.delete(keys.node_lease("n1"))
    node.plane.pump()
    status = node.call("GET", "/nodes/n1").json["status"]
    assert (status["ready"], status["reason"]) == (False, "NoLease")


def test_an_unknown_node_is_404(node: ApiBench) -> None:
    assert "known are n1" in problem(node.call("GET", "/nodes/n9"), 404)["detail"]


def test_stats_by_node_and_task(node: ApiBench) -> None:
    node.call("POST", "/tasks", manifest())
    node.plane.lead()
    node.plane.settle(node.plane.scheduler)
    uid = node.plane.task("web").metadata.uid
    usage = {uid: TaskUsage(cpu_millis=5, memory_bytes=7), "gone": TaskUsage(cpu_millis=1)}
    node.plane.put(
        keys.node_stats("n1"), NodeStats(at="2026-01-01T00:00:00Z", cpu_millis=9, load=[0.5, 0.4, 0.3], tasks=usage)
    )
    node.plane.pump()
    stats = node.call("GET", "/stats").json
    assert stats["nodes"][0]["usage"] == {"cpuMillis": 9}
    assert stats["nodes"][0]["load"] == [0.5, 0.4, 0.3]
    assert stats["tasks"] == [
        {
            "namespace": "default",
            "name": "web",
            "node": "n1",
            "cpuMillis": 5,
            "memoryBytes": 7,
            "netRxBytes": 0,
            "netTxBytes": 0,
            "diskBytes": 0,
        }
    ]


def test_a_node_is_forgotten_once_its_agent_is_gone(node: ApiBench) -> None:
    problem(node.call("DELETE", "/nodes/nope"), 404)
    node.call("PATCH", "/nodes/n1", {"cordoned": True})
    assert "runs" in problem(node.call("DELETE", "/nodes/n1"), 409)["detail"]
    assert spec_of(node).cordoned
    node.call("PUT", "/nodes/typo", {"cordoned": True})
    problem(node.call("DELETE", "/nodes/typo", headers={"If-Match": '"1"'}), 412)
    assert node.call("DELETE", "/nodes/typo").status_code == 204
    assert [shown["metadata"]["name"] for shown in node.call("GET", "/nodes").json["items"]] == ["n1"]
