"""What loosens a container, through a control plane and a real agent: its node's flag and its namespace's limits both
have to allow it, and whichever does not says so."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import LiveCluster
from tests.support.docker_engine import DockerEngine
from tests.support.manifests import IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "allowed"
    found.mkdir()
    return found


@pytest.fixture
def live(tmp_path: Path, docker_engine: DockerEngine, folder: Path) -> Iterator[LiveCluster]:
    """Its node allows two capabilities and a folder, and not its network."""
    flags = ["--allow-capability", "NET_ADMIN", "--allow-capability", "SYS_TIME", "--allow-host-path", str(folder)]
    cluster = LiveCluster(tmp_path, docker_engine.host, agent_flags=flags)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def namespace(name: str, **limits: Any) -> dict[str, Any]:
    spec = {"limits": limits} if limits else {}
    return {"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": name}, "spec": spec}


def task(name: str, space: str, **more: Any) -> dict[str, Any]:
    spec = {"image": IMAGE, "command": ["sleep", "1000"], "stop": {"gracePeriod": "0s"}, **more}
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": metadata, "spec": spec}


def found(live: LiveCluster, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = live.call("GET", f"/tasks/{name}?namespace=shop")[1]
    return answer


def told(live: LiveCluster, reason: str, words: str) -> bool:
    items = live.call("GET", "/events?namespace=shop")[1]["items"]
    return any(one["reason"] == reason and words in one["message"] for one in items)


def test_a_node_and_a_namespace_both_have_to_loosen(live: LiveCluster, folder: Path) -> None:
    mount = {"type": "host", "path": str(folder), "target": "/x"}
    live.apply(namespace("shop", capabilities=["NET_ADMIN"], hostNetwork=True, hostPaths=[str(folder)]))
    live.apply(namespace("plain"))

    # The node alone: refused as it is applied, with each field.
    loose: dict[str, Any] = {"security": {"capAdd": ["NET_ADMIN"]}, "volumes": [mount]}
    status, problem = live.call("POST", "/tasks", task("node-alone", "plain", **loose))
    assert (status, problem["type"].rpartition(":")[2]) == (409, "BeyondLimits")
    assert "spec.security.capAdd has NET_ADMIN" in problem["detail"]
    assert f"spec.volumes[0].path is {folder}, and may be none" in problem["detail"]
    assert live.call("POST", "/tasks", task("not-named", "shop", security={"capAdd": ["SYS_TIME"]}))[0] == 409

    # The namespace alone: the node refuses it, with its flag, and makes no container.
    live.apply(task("namespace-alone", "shop", network={"mode": "host"}))
    live.until(partial(told, live, "NotAllowed", "--allow-host-network"), 60, "the agent says so")
    refused = found(live, "namespace-alone")
    assert "--allow-host-network" in refused["status"]["message"]
    assert live.containers(refused["metadata"]["uid"]) == []

    # Both.
    live.apply(task("both", "shop", **loose))
    live.until(lambda: found(live, "both")["status"]["state"] == "Running", 60, "it runs")
    (container,) = live.containers(found(live, "both")["metadata"]["uid"])
    config = live.inspect(container)["HostConfig"]
    assert "NET_ADMIN" in [name.removeprefix("CAP_") for name in config["CapAdd"]]
    assert [(one["Source"], one["Target"]) for one in config["Mounts"]] == [(str(folder), "/x")]

    # No longer: a task that waits gets no node, and what runs stays.
    live.apply(task("late", "shop", nodeSelector={"zone": "later"}, **loose))
    live.apply(namespace("shop"))
    # At its next sweep, which comes once a minute.
    live.until(partial(told, live, "BeyondLimits", "NET_ADMIN"), 150, "the scheduler says so")
    assert found(live, "late")["status"]["state"] == "Pending"
    assert found(live, "both")["status"]["state"] == "Running"
