"""etcd's members killed and frozen, its leader and its quorum: containers never notice, and what is accepted runs."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from chaos.host import Host
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
    leader = cluster.until(cluster.etcd_leader, 15, "etcd has a leader")
    return leader if leads else next(host for host in cluster.hosts if host is not leader)


@pytest.mark.parametrize("leads", [True, False], ids=["the leader", "a follower"])
@pytest.mark.parametrize("how", ["kill", "pause"])
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
    (container,) = third.containers(running=True)
    third.kill_container(container["Id"])

    cluster.until(lambda: len(third.containers(running=True)) == 1, 30, "h3 restarts its container without etcd")
    first.etcd.start()
    second.etcd.start()

    cluster.wait_accepted(task("later"))
    # One request may have been cut off after it was written to the log of the one member that was left.
    names = [name for name in (*NAMES, "later", "refused") if name != "refused" or not cluster.gone("refused")]
    after = cluster.wait_running(names)
    for name in NAMES:
        if after[name]["status"]["node"] != third.name:
            assert after[name]["status"]["containerId"] == before[name], f"{name} was disturbed"
