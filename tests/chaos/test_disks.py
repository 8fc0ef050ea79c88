"""Disks that are full or slow: the part whose disk it is says so or is away, all others go on, and once there is room
everything runs and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from chaos.cluster import Cluster
from chaos.gateway import MemberUnavailable
from chaos.host import Host
from chaos.slow_disk import slow_disk
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
FILLING = "/filling/"
"""Keys of nobody."""
ROOM = 8 << 20
"""Bytes that etcd may grow by before its quota is reached."""


def put_until_refused(cluster: Cluster, host: Host, most: int = 200) -> str:
    """A mebibyte at a time; what etcd, or the connection to it, said in the end."""
    for number in range(most):
        try:
            cluster.member(host).put(f"{FILLING}{number}", bytes(1 << 20))
        except MemberUnavailable as refused:
            return str(refused)
    raise AssertionError(f"{most} MiB were taken")


def test_etcd_whose_disks_are_slow(cluster: Cluster) -> None:
    """Each write takes a second and more: leases hold, nothing moves, and what is accepted runs."""
    names = [f"steady-{number}" for number in range(3)]
    cluster.apply(*(task(name) for name in names))
    before = cluster.wait_running(names)
    with ExitStack() as slow:
        for host in cluster.hosts:
            slow.enter_context(slow_disk(host.etcd.pid, 0.3))
        cluster.wait_accepted(task("meanwhile"))
        cluster.wait_state("meanwhile", "Running", 60)

    after = cluster.wait_running([*names, "meanwhile"])
    assert {name: after[name]["status"]["containerId"] for name in names} == {
        name: item["status"]["containerId"] for name, item in before.items()
    }
    assert {item["status"]["epoch"] for item in after.values()} == {1}


def test_a_member_of_etcd_whose_disk_is_full(cluster: Cluster) -> None:
    """It dies; the other two go on, and it comes back whole."""
    host = cluster.host("h3")
    cluster.apply(task("steady", nodeSelector=HERE))
    before = cluster.wait_running(["steady"])["steady"]["status"]
    with host.disks["etcd"].full():
        other = cluster.host("h1")
        for number in range(200):
            if not host.etcd.running:
                break
            # It may have been the leader: then there is none for a moment.
            with suppress(MemberUnavailable):
                cluster.member(other).put(f"{FILLING}{number}", bytes(1 << 20))
        assert not host.etcd.running, "its disk is full, and it takes writes"
        cluster.member(other).delete(FILLING)
        cluster.apply(task("meanwhile", nodeSelector=HERE))
        cluster.wait_state("meanwhile", "Running", 60)

    host.etcd.start()
    host.etcd.wait_ready()
    after = cluster.wait_running(["steady", "meanwhile"])["steady"]["status"]
    assert (after["containerId"], after["epoch"]) == (before["containerId"], 1)


@contextmanager
def quota_reached(cluster: Cluster) -> Iterator[None]:
    """etcd's alarm is on, until the end of the block; then it is lifted as an administrator would."""
    size = max(cluster.member(host).status().size for host in cluster.hosts)
    for host in cluster.hosts:
        host.etcd.restart({"ETCD_QUOTA_BACKEND_BYTES": str(size + ROOM)})
    assert "space exceeded" in cluster.until(lambda: put_until_refused(cluster, cluster.host("h1")), 60, "it is full")
    try:
        yield
    finally:
        first = cluster.member(cluster.host("h1"))
        first.delete(FILLING)
        first.compact(first.status().revision)
        for host in cluster.hosts:
            cluster.member(host).defragment()
        for member in first.out_of_space():
            first.disarm(member)


@pytest.mark.core
def test_etcd_that_has_reached_its_quota(cluster: Cluster) -> None:
    """It takes no new keys: said to who writes, and for containers it is as if it were away."""
    cluster.apply(task("steady", nodeSelector=HERE), task("struck", nodeSelector=HERE))
    before = cluster.wait_running(["steady", "struck"])
    host = cluster.host("h3")
    with quota_reached(cluster):
        status, answer = cluster.call("POST", "/tasks", task("refused"), at=cluster.host("h1"))
        assert (status, answer["type"]) == (503, "urn:taskyard:problem:EtcdFull")
        assert "nothing was changed" in answer["detail"]
        assert "etcdctl alarm disarm" in answer["detail"]
        assert cluster.gone("refused")

        host.kill_container(before["struck"]["status"]["containerId"])
        cluster.until(lambda: len(host.containers(running=True)) >= 2, 60, "h3 restarts its container without etcd")
        cluster.until(lambda: all(cluster.node_ready(one.name) for one in cluster.hosts), 60, "leases are kept")

    cluster.wait_accepted(task("later"))
    after = cluster.wait_running(["steady", "struck", "later"])
    assert after["steady"]["status"]["containerId"] == before["steady"]["status"]["containerId"]
    assert {item["status"]["epoch"] for item in after.values()} == {1}


@pytest.mark.core
def test_an_agent_whose_data_folder_is_full(cluster: Cluster) -> None:
    """Tasks start and stop all the same, also with an agent that is started anew."""
    host = cluster.host("h3")
    cluster.apply(task("steady", nodeSelector=HERE))
    before = cluster.wait_running(["steady"])["steady"]["status"]
    with host.disks["agent"].full():
        cluster.apply(task("second", nodeSelector=HERE))
        cluster.wait_running(["steady", "second"])
        host.agent.restart()
        cluster.apply(task("third", nodeSelector=HERE), task("ledger", nodeSelector=HERE, singleton=True))
        cluster.delete("second")
        cluster.wait_running(["steady", "third", "ledger"])

    after = cluster.wait_running(["steady", "third", "ledger"])["steady"]["status"]
    assert (after["containerId"], after["epoch"], after["restarts"]) == (before["containerId"], 1, 0)


def test_a_docker_whose_disk_is_full(cluster: Cluster) -> None:
    """What runs goes on, what is to start says why it cannot, and starts as soon as there is room."""
    host = cluster.host("h3")
    cluster.apply(task("steady", nodeSelector=HERE))
    before = cluster.wait_running(["steady"])["steady"]["status"]
    often = {"policy": "always", "backoff": {"initial": "1s", "max": "1s"}}
    with host.disks["docker/data"].full():
        cluster.apply(task("web", nodeSelector=HERE, restart=often), task("elsewhere", nodeSelector={"host": "h1"}))
        cluster.until(lambda: says(cluster, "web", "no space left on device"), 60, "web says why it cannot start")
        cluster.wait_state("elsewhere", "Running")
        assert host.inspect(before["containerId"])["State"]["Running"]

    after = cluster.wait_running(["steady", "web", "elsewhere"])["steady"]["status"]
    assert (after["containerId"], after["restarts"]) == (before["containerId"], 0)


def says(cluster: Cluster, name: str, words: str) -> bool:
    found: dict[str, Any] | None = cluster.task(name)
    return found is not None and words in found["status"].get("message", "")
