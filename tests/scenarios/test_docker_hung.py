"""dockerd hangs, or is killed: the node keeps its lease and says so, containers go on, and nothing is lost or repeated.

On an engine of its own, as the other tests' must not be disturbed.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.local import demo_image
from taskyard.local.bridge import Bridge
from taskyard.local.dockerd import Dockerd
from taskyard.store.etcd import EtcdStore
from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
HUNG_FOR = 25.0
"""Seconds; two and a half times as long as a lease lives."""


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Dockerd]:
    folder = Path(tempfile.mkdtemp(prefix="tyhung-", dir="/tmp"))  # pytest's own is too long for dockerd's sockets
    engine = Dockerd(folder, own_bridge=Bridge("tyhung0", "10.213.78.1/24"))
    try:
        engine.start()
        engine.wait_ready()
        demo_image.ensure(engine.engine, pull_timeout=0)
        yield engine
    finally:
        engine.stop()
        engine.purge()


@pytest.fixture
def live(tmp_path: Path, dockerd: Dockerd) -> Iterator[LiveCluster]:
    cluster = LiveCluster(tmp_path, f"unix://{dockerd.socket}")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def pid(dockerd: Dockerd) -> int:
    process = dockerd.running()
    assert process is not None
    return process.pid


def node_says(live: LiveCluster, reason: str) -> bool:
    _, node = live.call("GET", f"/nodes/{live.node}")
    return (node["status"]["ready"], node["status"].get("reason", "")) == (reason == "", reason)


def life_of_lease(live: LiveCluster) -> int:
    """Create revision of the node's lease key: another one is another life."""
    store = EtcdStore([live.etcd.endpoint])
    entry = store.get(keys.node_lease(live.node))
    store.close()
    return entry.create_revision if entry else 0


def test_a_dockerd_that_hangs_costs_no_lease_and_no_task(live: LiveCluster, dockerd: Dockerd) -> None:
    live.apply(task("steady"), task("goes"))
    before = live.wait_state("steady", "Running")["status"]
    live.wait_state("goes", "Running")
    life = life_of_lease(live)

    os.kill(pid(dockerd), signal.SIGSTOP)
    try:
        end = time.monotonic() + HUNG_FOR
        live.until(lambda: node_says(live, "RuntimeDown"), 15, "the node says that its runtime does not answer")
        live.apply(task("meanwhile"))
        assert live.call("DELETE", "/tasks/goes")[0] == 202
        waiting = live.wait_state("meanwhile", "Pending")["status"]
        assert waiting["reason"] == "Unschedulable"
        assert "runtime" in waiting["message"]
        live.until(lambda: time.monotonic() > end, HUNG_FOR + 5, "it has hung for long enough")
        assert live.state("steady") == "Running"
        assert live.state("meanwhile") == "Pending"
        assert live.state("goes") == "Stopping"
        assert node_says(live, "RuntimeDown")
        assert life_of_lease(live) == life
    finally:
        os.kill(pid(dockerd), signal.SIGCONT)

    live.wait_state("meanwhile", "Running")
    live.until(lambda: live.call("GET", "/tasks/goes")[0] == 404, 30, "goes is gone")
    assert node_says(live, "")
    assert (live.task("steady") or {})["status"] == before
    assert len(live.containers()) == len(live.containers(running=True)) == 2


def test_a_killed_dockerd_that_comes_back_finds_its_containers(live: LiveCluster, dockerd: Dockerd) -> None:
    live.apply(task("steady"))
    before = live.wait_state("steady", "Running")
    container = live.containers(before["metadata"]["uid"], running=True)
    life = life_of_lease(live)

    os.kill(pid(dockerd), signal.SIGKILL)
    live.until(lambda: node_says(live, "RuntimeDown"), 15, "the node says that its runtime does not answer")
    live.apply(task("meanwhile"))
    assert live.wait_state("meanwhile", "Pending")["status"]["reason"] == "Unschedulable"
    assert live.state("steady") == "Running"
    dockerd.start()
    dockerd.wait_ready()

    live.wait_state("meanwhile", "Running")
    after = live.wait_state("steady", "Running")
    assert after["status"] == before["status"]
    assert live.containers(before["metadata"]["uid"], running=True) == container
    assert len(live.containers()) == 2
    assert life_of_lease(live) == life
