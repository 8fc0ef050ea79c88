"""Two control planes: the leading one is killed or frozen before and after each of its effects, and the other takes
over. What was accepted is carried out, once, and what the frozen one still had in its hands changes nothing."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from chaos.host import Host
from taskyard.failpoints import VARIABLE, names
from tests.support.failpoints import points
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

FAILOVER = 60.0
"""Seconds; the goal is 6, which the figures measure. Here it is a deadline on a machine that may be busy."""


def other_than(cluster: Cluster, host: Host) -> Host:
    return next(one for one in cluster.planes if one is not host)


def lead_alone(cluster: Cluster, failpoints: str) -> Host:
    """h1, with these failpoints, leads; h2 follows."""
    first, second = cluster.planes
    second.controlplane.terminate()
    first.controlplane.terminate()
    first.controlplane.start({VARIABLE: failpoints})
    for role in ("scheduler", "controllers"):
        cluster.until(lambda role=role: cluster.plane_leader(role) is first, FAILOVER, f"h1 leads the {role}")
    second.controlplane.start()
    second.controlplane.wait_ready()
    return first


@pytest.mark.parametrize("point", points(["scheduler.bind"], core="scheduler.bind.after"))
def test_killed_while_it_binds(cluster: Cluster, point: str) -> None:
    leader = lead_alone(cluster, f"{point}=kill")
    wanted = [f"web-{number}" for number in range(4)]
    cluster.apply(*(task(name) for name in wanted), at=other_than(cluster, leader))
    cluster.until(lambda: not leader.controlplane.running, FAILOVER, f"the leader is killed at {point}")

    found = cluster.wait_running(wanted)

    assert {item["status"]["epoch"] for item in found.values()} == {1}


@pytest.mark.parametrize("point", names(["tasks.stop", "tasks.remove"]))
def test_killed_while_it_deletes(cluster: Cluster, point: str) -> None:
    leader = lead_alone(cluster, f"{point}=kill")
    cluster.apply(task("web"), task("stays"))
    cluster.wait_running(["web", "stays"])
    cluster.delete("web")
    cluster.until(lambda: not leader.controlplane.running, FAILOVER, f"the leader is killed at {point}")

    cluster.wait_running(["stays"])


@pytest.mark.parametrize("point", names(["leader.campaign", "leader.renew"]))
def test_killed_while_it_is_elected(cluster: Cluster, point: str) -> None:
    first, second = cluster.planes
    second.controlplane.terminate()
    first.controlplane.terminate()
    first.controlplane.start({VARIABLE: f"{point}=kill"})
    cluster.until(lambda: not first.controlplane.running, FAILOVER, f"it is killed at {point}")
    second.controlplane.start()
    second.controlplane.wait_ready()

    cluster.apply(task("web"))

    cluster.wait_running(["web"])


@pytest.mark.parametrize("point", names(["scheduler.bind"]))
def test_frozen_while_it_binds(cluster: Cluster, point: str) -> None:
    """Its term ends meanwhile; when it wakes up its write must not count, or not count twice."""
    leader = lead_alone(cluster, f"{point}=stop")
    other = other_than(cluster, leader)
    cluster.apply(task("web"), at=other)
    cluster.until(lambda: leader.controlplane.frozen, FAILOVER, f"the leader is frozen at {point}")
    cluster.until(lambda: cluster.plane_leader() is other, FAILOVER, "the other leads")
    before = cluster.wait_state("web", "Running")["status"]
    cluster.apply(task("later"), at=other)
    cluster.wait_state("later", "Running")

    leader.controlplane.resume()
    leader.controlplane.wait_ready()

    after = cluster.wait_running(["web", "later"])
    assert after["web"]["status"]["containerId"] == before["containerId"]
    assert {item["status"]["epoch"] for item in after.values()} == {1}
    assert cluster.plane_leader() is other


@pytest.mark.parametrize("point", names(["api.write"]))
def test_what_an_api_was_killed_over_is_there_or_is_not(cluster: Cluster, point: str) -> None:
    """No answer came, so either is right; asked again it is there, once."""
    first = cluster.planes[0]
    first.controlplane.restart({VARIABLE: f"{point}=kill"})
    status, _ = cluster.call("POST", "/tasks", task("web"), at=first)
    assert status == 0
    cluster.until(lambda: not first.controlplane.running, FAILOVER, f"the API is killed at {point}")
    assert cluster.gone("web") == (point == "api.write.before")

    cluster.apply(task("web"))

    cluster.wait_running(["web"])


def test_all_that_is_accepted_while_they_fail_over_runs(cluster: Cluster) -> None:
    accepted = []
    for number in range(30):
        if number in (8, 20):
            leader = cluster.until(cluster.plane_leader, FAILOVER, "one leads")
            leader.controlplane.kill()
            leader.controlplane.start()
        cluster.wait_accepted(task(f"flow-{number}"))
        accepted.append(f"flow-{number}")

    cluster.wait_running(accepted)
