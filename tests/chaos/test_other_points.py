"""kill -9 and SIGSTOP at the points, and for the moments, that no other file here is about: whatever a component was in
the middle of, the task runs once it, or another, goes on."""

from __future__ import annotations

import pytest

from chaos import images
from chaos.cluster import Cluster
from chaos.daemon import Daemon
from taskyard.failpoints import VARIABLE, names
from tests.support.manifests import IMAGE, task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
LIFE = [
    f"agent.{effect}" for effect in ("register", "renew", "intent", "create", "start", "status", "signal", "remove")
]
PULLED = f"{images.REGISTRY}/pulled:1"


def struck(cluster: Cluster, daemon: Daemon, how: str) -> None:
    """Waits until it is, and lets it go on: a new process, or the same."""
    if how == "kill":
        cluster.until(lambda: not daemon.running, 60, f"{daemon.name} is killed")
        daemon.start()
    else:
        cluster.until(lambda: daemon.frozen, 60, f"{daemon.name} is frozen")
        daemon.resume()
    daemon.wait_ready()


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("point", names(["agent.event", "agent.stats"]))
def test_an_agent_that_reports(cluster: Cluster, point: str, how: str) -> None:
    agent = cluster.host("h3").agent
    agent.restart({VARIABLE: f"{point}={how}"})
    cluster.apply(task("web", nodeSelector=HERE))
    struck(cluster, agent, how)

    after = cluster.wait_running(["web"])["web"]["status"]
    assert (after["epoch"], after["attempt"]) == (1, 1)


def runs(cluster: Cluster, name: str) -> bool:
    found = cluster.task(name)
    return found is not None and found["status"]["state"] == "Running"


@pytest.mark.parametrize("point", names(LIFE))
def test_an_agent_that_is_frozen_for_a_moment(cluster: Cluster, point: str) -> None:
    """Shorter than its lease, somewhere in a task's life from its start to its end."""
    agent = cluster.host("h3").agent
    agent.kill()
    agent.start({VARIABLE: f"{point}=stop"})
    cluster.apply(task("web", nodeSelector=HERE, stop={"gracePeriod": "1s"}))
    cluster.until(lambda: agent.frozen or runs(cluster, "web"), 60, f"it is frozen at {point}, or web runs")
    ends = not agent.frozen
    if ends:
        cluster.delete("web")
    struck(cluster, agent, "stop")

    if ends:
        cluster.until(lambda: cluster.gone("web") and not cluster.containers(), 60, "the task is gone")
    else:
        after = cluster.wait_running(["web"])["web"]["status"]
        assert (after["epoch"], after["attempt"], after["restarts"]) == (1, 1, 0)


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("point", names(["agent.pull"]))
def test_an_agent_that_fetches_an_image(cluster: Cluster, point: str, how: str) -> None:
    host = cluster.host("h3")
    with images.registry_on(host):
        images.tag(host, IMAGE, PULLED)
        images.push(host, PULLED)
        images.untag(host, PULLED)
        host.agent.restart({VARIABLE: f"{point}={how}"})
        cluster.apply(task("web", nodeSelector=HERE, image=PULLED))
        struck(cluster, host.agent, how)

        after = cluster.wait_running(["web"])["web"]["status"]
        assert (after["epoch"], after["attempt"]) == (1, 1)
    cluster.delete("web")
    cluster.until(lambda: not host.containers(), 60, "its container is gone")
    images.untag(host, PULLED)


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("point", names(["plane.event", "leader.renew"]))
def test_a_control_plane_that_comes_back_at_once(cluster: Cluster, point: str, how: str) -> None:
    first, second = cluster.planes
    second.controlplane.terminate()
    first.controlplane.restart({VARIABLE: f"{point}={how}"})
    cluster.apply(task("web"), at=first)
    struck(cluster, first.controlplane, how)
    second.controlplane.start()

    assert cluster.wait_running(["web"])["web"]["status"]["epoch"] == 1


@pytest.mark.parametrize("point", names(["leader.campaign"]))
def test_a_control_plane_that_is_frozen_while_it_is_elected(cluster: Cluster, point: str) -> None:
    first, second = cluster.planes
    second.controlplane.terminate()
    first.controlplane.kill()
    first.controlplane.start({VARIABLE: f"{point}=stop"})
    struck(cluster, first.controlplane, "stop")
    second.controlplane.start()

    cluster.apply(task("web"))

    assert cluster.wait_running(["web"])["web"]["status"]["epoch"] == 1


@pytest.mark.parametrize("point", names(["api.write"]))
def test_an_api_that_is_frozen_over_a_request(cluster: Cluster, point: str) -> None:
    """The client gives up, and asks again."""
    first = cluster.planes[0]
    first.controlplane.restart({VARIABLE: f"{point}=stop"})
    assert cluster.call("POST", "/tasks", task("web"), at=first)[0] == 0
    struck(cluster, first.controlplane, "stop")

    cluster.apply(task("web"))

    assert cluster.wait_running(["web"])["web"]["status"]["epoch"] == 1


@pytest.mark.parametrize("point", names(["tasks.stop", "tasks.remove"]))
def test_a_control_plane_that_is_frozen_while_it_deletes(cluster: Cluster, point: str) -> None:
    first, second = cluster.planes
    second.controlplane.terminate()
    first.controlplane.restart({VARIABLE: f"{point}=stop"})
    cluster.apply(task("web"), task("stays"), at=first)
    cluster.wait_running(["web", "stays"])
    cluster.call("DELETE", "/tasks/web", at=first)
    struck(cluster, first.controlplane, "stop")
    second.controlplane.start()

    cluster.until(lambda: cluster.gone("web"), 60, "web is gone")
    cluster.wait_running(["stays"])
