"""kill -9 and SIGSTOP at the points that no other file here is about: whatever a component was in the middle of, the
task runs once it, or another, goes on."""

from __future__ import annotations

import pytest

from chaos import images
from chaos.cluster import Cluster
from chaos.daemon import Daemon
from taskyard.failpoints import VARIABLE, names
from tests.support.manifests import IMAGE, task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
PULLED = f"{images.REGISTRY}/pulled:1"


def struck(cluster: Cluster, daemon: Daemon, how: str) -> None:
    """Waits until it is, and lets it go on: a new process, or the same."""
    if how == "kill":
        cluster.until(lambda: not daemon.running, 30, f"{daemon.name} is killed")
        daemon.start()
    else:
        cluster.until(lambda: daemon.frozen, 30, f"{daemon.name} is frozen")
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
    cluster.until(lambda: not host.containers(), 30, "its container is gone")
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
