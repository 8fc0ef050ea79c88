"""What befalls a container: killed, out of memory, its image missing or slow, its port or its name taken. Each has a
reason of its own in the status, and the task runs as soon as it can."""

from __future__ import annotations

from typing import Any

import pytest

from chaos import images
from chaos.cluster import Cluster
from chaos.witness import Witness
from taskyard.failpoints import VARIABLE
from tests.support.manifests import IMAGE, task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
LATE = "127.0.0.1:9/late:1"
"""Nobody listens there."""
SLOW = f"{images.REGISTRY}/slow:1"
PORT = 8099
AT_ONCE = {"policy": "always", "backoff": {"initial": "1s", "max": "1s"}}


def awaits(cluster: Cluster, name: str, reason: str) -> dict[str, Any]:
    """The status, once it gives this reason."""

    def seen() -> dict[str, Any] | None:
        found = cluster.task(name)
        status: dict[str, Any] = found["status"] if found else {}
        return status if status.get("reason") == reason else None

    return cluster.until(seen, 60, f"{name} says {reason}")


def second_attempt(cluster: Cluster, name: str) -> dict[str, Any]:
    def seen() -> dict[str, Any] | None:
        status: dict[str, Any] = cluster.wait_running([name])[name]["status"]
        return status if status["attempt"] == 2 else None

    return cluster.until(seen, 60, f"the second attempt of {name} runs")


@pytest.mark.core
def test_killed(cluster: Cluster) -> None:
    cluster.apply(task("web", nodeSelector=HERE))
    first = cluster.wait_running(["web"])["web"]["status"]

    cluster.host("h3").kill_container(first["containerId"])

    after = second_attempt(cluster, "web")
    assert (after["epoch"], after["node"], after["restarts"]) == (1, "h3", 1)
    assert (after["lastExit"]["reason"], after["lastExit"]["exitCode"]) == ("Error", 137)


@pytest.mark.core
def test_out_of_memory_is_told_apart_from_killed(cluster: Cluster) -> None:
    """Both exit with 137."""
    eats = ["sh", "-c", 'test -e /data/seen && sleep 3600; touch /data/seen; x=a; while true; do x="$x$x"; done']
    volume = [{"name": "memory-eater", "target": "/data"}]
    cluster.apply(task("web", *eats, nodeSelector=HERE, resources={"memory": "16Mi"}, volumes=volume))

    after = second_attempt(cluster, "web")

    assert (after["lastExit"]["reason"], after["lastExit"]["exitCode"]) == ("OOMKilled", 137)


def test_an_image_that_is_missing_and_comes_later(cluster: Cluster) -> None:
    host = cluster.host("h3")
    cluster.apply(task("web", nodeSelector=HERE, image=LATE, restart=AT_ONCE), task("other"))
    waiting = awaits(cluster, "web", "ImagePullBackOff")
    assert LATE in waiting["message"]
    cluster.wait_state("other", "Running")

    images.tag(host, IMAGE, LATE)

    after = cluster.wait_running(["web", "other"])["web"]["status"]
    assert (after["attempt"], after["restarts"]) == (1, 0)
    images.untag(host, LATE)


def test_an_image_that_is_slow(cluster: Cluster) -> None:
    """The registry stops in the middle of it: the node goes on with everything else."""
    host = cluster.host("h3")
    with images.registry_on(host) as registry:
        images.tag(host, IMAGE, SLOW)
        images.push(host, SLOW)
        images.untag(host, SLOW)
        registry.pause()
        cluster.apply(task("web", nodeSelector=HERE, image=SLOW))
        awaits(cluster, "web", "Pulling")

        cluster.apply(task("other", nodeSelector=HERE))
        cluster.wait_state("other", "Running")
        assert cluster.node_ready("h3")
        assert awaits(cluster, "web", "Pulling")["state"] == "Starting"
        registry.resume()

        after = cluster.wait_running(["web", "other"])["web"]["status"]
        assert (after["attempt"], after["restarts"]) == (1, 0)
    images.untag(host, SLOW)


@pytest.mark.core
def test_a_host_port_that_somebody_else_has(cluster: Cluster) -> None:
    host = cluster.host("h3")
    with host.namespace.listening(PORT):
        wanted = task("web", nodeSelector=HERE, ports=[{"container": 80, "host": PORT}], restart=AT_ONCE)
        cluster.apply(wanted, task("other", nodeSelector=HERE))
        cluster.until(lambda: refused_port(cluster, "web"), 60, f"web says that host port {PORT} is taken")
        cluster.wait_state("other", "Running")

    after = cluster.wait_running(["web", "other"])["web"]["status"]
    assert [port["host"] for port in after["ports"]] == [PORT]


def refused_port(cluster: Cluster, name: str) -> bool:
    found = cluster.task(name)
    return found is not None and f"host port {PORT} is already in use" in found["status"].get("message", "")


def test_a_container_name_that_somebody_else_has(cluster: Cluster, witness: Witness) -> None:
    """Theirs is left alone, and the task says which name it is, and starts once that is free."""
    host = cluster.host("h3")
    host.agent.restart({VARIABLE: "agent.create.before=stop"})
    cluster.apply(task("web", nodeSelector=HERE))
    cluster.until(lambda: host.agent.frozen, 60, "the agent is about to create the container")
    found = cluster.task("web")
    assert found is not None
    name = f"ty-{found['metadata']['uid']}-1-1"
    theirs = host.create_foreign(name)
    witness.name_taken(found["metadata"]["uid"])

    host.agent.resume()

    cluster.until(lambda: says_taken(cluster, name), 60, f"web says that somebody else has the name {name}")
    assert host.inspect(theirs)["State"]["Status"] == "created"
    host.remove_container(theirs)
    cluster.wait_running(["web"])


def says_taken(cluster: Cluster, name: str) -> bool:
    found = cluster.task("web")
    status = found["status"] if found else {}
    return status.get("reason") == "NameTaken" and name in status["message"]
