"""The wall clock of one process jumps by an hour: leases and waits count on another clock, so nothing happens."""

from __future__ import annotations

import pytest

from chaos.clock import SteppedClock
from chaos.cluster import Cluster
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
HOUR = 3600


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_of_an_agent(cluster: Cluster, step: int) -> None:
    """Its lease holds, and a container that dies afterwards starts again after its second, not after an hour."""
    host = cluster.host("h3")
    clock = SteppedClock(host.folder / "clock")
    host.agent.restart(clock.environment())
    cluster.apply(task("web", nodeSelector=HERE), task("ledger", nodeSelector=HERE, singleton=True))
    before = cluster.wait_running(["web", "ledger"])

    clock.step(step)
    host.kill_container(before["web"]["status"]["containerId"])

    def again() -> bool:
        found = cluster.wait_running(["web", "ledger"])["web"]["status"]
        return bool(found["attempt"] == 2)

    cluster.until(again, 60, "web runs again")
    cluster.apply(task("later", nodeSelector=HERE))
    after = cluster.wait_running(["web", "ledger", "later"])
    assert after["ledger"]["status"]["containerId"] == before["ledger"]["status"]["containerId"]
    assert {item["status"]["epoch"] for item in after.values()} == {1}


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_of_the_leading_control_plane(cluster: Cluster, step: int) -> None:
    """It leads on, loses no node, and places what comes."""
    first, second = cluster.planes
    clock = SteppedClock(first.folder / "clock")
    second.controlplane.terminate()
    first.controlplane.restart(clock.environment())
    cluster.until(lambda: cluster.plane_leader() is first, 60, "h1 leads")
    second.controlplane.start()
    cluster.apply(task("web"))
    before = cluster.wait_running(["web"])["web"]["status"]

    clock.step(step)
    cluster.apply(task("later"), at=first)

    after = cluster.wait_running(["web", "later"])
    assert (after["web"]["status"]["containerId"], after["web"]["status"]["epoch"]) == (before["containerId"], 1)
    assert cluster.plane_leader() is first
    assert all(cluster.node_ready(host.name) for host in cluster.hosts)
