"""dockerd killed, with and without live-restore, and hung: what Docker keeps goes on, what it loses starts again."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}


@pytest.mark.core
def test_killed_with_live_restore(cluster: Cluster) -> None:
    cluster.apply(task("web", nodeSelector=HERE))
    before = cluster.wait_running(["web"])["web"]["status"]
    host = cluster.host("h3")

    host.dockerd.restart()

    cluster.apply(task("later", nodeSelector=HERE))
    after = cluster.wait_running(["web", "later"])["web"]["status"]
    assert (after["containerId"], after["restarts"]) == (before["containerId"], 0)


@pytest.mark.core
def test_killed_without_live_restore(cluster: Cluster) -> None:
    host = cluster.host("h3")
    host.live_restore = False
    host.dockerd.restart()
    host.lost_containers = True
    host.agent.wait_ready()
    cluster.apply(task("web", nodeSelector=HERE))
    before = cluster.wait_running(["web"])["web"]["status"]

    host.dockerd.restart()

    def again() -> bool:
        status = cluster.wait_running(["web"])["web"]["status"]
        return bool(status["containerId"] != before["containerId"] and status["attempt"] == 2)

    cluster.until(again, 60, "it runs again, as its second attempt")


def test_hung(cluster: Cluster) -> None:
    """The node stays, with its tasks; nothing new is placed on it."""
    cluster.apply(task("web", nodeSelector=HERE))
    before = cluster.wait_running(["web"])["web"]["status"]
    host = cluster.host("h3")
    host.dockerd.pause()
    cluster.until(lambda: not cluster.node_ready("h3"), 60, "h3 is shown as not ready")

    names = [f"elsewhere-{number}" for number in range(3)]
    cluster.apply(*(task(name) for name in names))
    for name in names:
        assert cluster.wait_state(name, "Running")["status"]["node"] != "h3"
    status = cluster.wait_state("web", "Running")["status"]
    assert (status["node"], status["epoch"]) == ("h3", 1)
    host.dockerd.resume()

    after = cluster.wait_running(["web", *names])["web"]["status"]
    assert (after["containerId"], after["restarts"]) == (before["containerId"], 0)


def test_killed_while_containers_start(cluster: Cluster) -> None:
    host = cluster.host("h3")
    names = [f"web-{number}" for number in range(8)]
    cluster.apply(*(task(name, nodeSelector=HERE) for name in names))
    cluster.until(lambda: len(host.containers()) >= 2, 60, "some containers are there")

    host.dockerd.restart()

    cluster.wait_running(names)
