"""etcd's members killed and frozen, its leader and its quorum: containers never notice, and what is accepted runs."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from chaos.host import LEASE, Host
from taskyard.clock import parse_timestamp
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

NAMES = [f"steady-{number}" for number in range(3)]


def steady(cluster: Cluster) -> dict[str, str]:
    """Running tasks on all hosts: their containers by name."""
    cluster.apply(*(task(name) for name in NAMES))
    return {name: item["status"]["containerId"] for name, item in cluster.wait_running(NAMES).items()}


def undisturbed(cluster: Cluster, before: dict[str, str], *more: str) -> None:
    after = cluster.wait_running([*NAMES, *more])
    assert {name: after[name]["status"]["containerId"] for name in NAMES} == before
    assert {item["status"]["epoch"] for item in after.values()} == {1}


def victim(cluster: Cluster, *, leads: bool) -> Host:
    leader = cluster.until(cluster.etcd_leader, 60, "etcd has a leader")
    return leader if leads else next(host for host in cluster.hosts if host is not leader)


@pytest.mark.parametrize("leads", [True, False], ids=["the leader", "a follower"])
@pytest.mark.parametrize("how", [pytest.param("kill", marks=pytest.mark.core), "pause"])
def test_one_member(cluster: Cluster, leads: bool, how: str) -> None:
    before = steady(cluster)
    struck = victim(cluster, leads=leads)

    struck.etcd.kill() if how == "kill" else struck.etcd.pause()
    cluster.wait_accepted(task("meanwhile"))
    cluster.wait_state("meanwhile", "Running")
    struck.etcd.resume() if how == "pause" else struck.etcd.start()

    struck.etcd.wait_ready()
    undisturbed(cluster, before, "meanwhile")


def test_quorum_lost_and_back(cluster: Cluster) -> None:
    before = steady(cluster)
    first, second, third = cluster.hosts
    first.etcd.kill()
    second.etcd.kill()
    status, _ = cluster.call("POST", "/tasks", task("refused"))
    assert status in (0, 503), "nothing is accepted that nobody can keep"
    cluster.until(lambda: says_so(cluster, first), 60, "the API says that etcd is away, and goes on showing the tasks")
    (container,) = third.containers(running=True)
    third.kill_container(container["Id"])

    cluster.until(lambda: len(third.containers(running=True)) == 1, 60, "h3 restarts its container without etcd")
    first.etcd.start()
    second.etcd.start()

    cluster.wait_accepted(task("later"))
    # One request may have been cut off after it was written to the log of the one member that was left.
    names = [name for name in (*NAMES, "later", "refused") if name != "refused" or not cluster.gone("refused")]
    after = cluster.wait_running(names)
    for name in NAMES:
        if after[name]["status"]["node"] != third.name:
            assert after[name]["status"]["containerId"] == before[name], f"{name} was disturbed"


def says_so(cluster: Cluster, plane: Host) -> bool:
    status, said = cluster.call("GET", "/readyz", at=plane)
    shown, _ = cluster.call("GET", "/tasks", at=plane)
    return status == 503 and not said["ready"] and "etcd" in said["etcd"] and shown == 200


@pytest.mark.core
def test_quorum_lost_for_longer_than_a_lease_stops_singletons_alone(cluster: Cluster) -> None:
    """They are killed before etcd, once it is back, could have given their node up; all else runs on."""
    cluster.apply(*(task(name) for name in NAMES), task("ledger", singleton=True))
    before = cluster.wait_running([*NAMES, "ledger"])
    home = cluster.host(before["ledger"]["status"]["node"])
    struck = cluster.hosts[1:]
    for host in struck:
        host.etcd.kill()

    old = before["ledger"]["status"]["containerId"]
    cluster.until(lambda: not home.inspect(old)["State"]["Running"], 3 * LEASE, "the singleton is stopped")
    ended = parse_timestamp(home.inspect(old)["State"]["FinishedAt"])
    running = {one["Id"] for one in cluster.containers(running=True)}
    assert {before[name]["status"]["containerId"] for name in NAMES} == running
    for host in struck:
        host.etcd.start()

    after = cluster.wait_running([*NAMES, "ledger"], 90)
    assert {name: after[name]["status"]["containerId"] for name in NAMES} == {
        name: before[name]["status"]["containerId"] for name in NAMES
    }
    now = after["ledger"]["status"]
    assert parse_timestamp(cluster.host(now["node"]).inspect(now["containerId"])["State"]["StartedAt"]) > ended
