"""A host that stands still for longer than its lease, containers and all, and then goes on as if nothing had been."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from taskyard.clock import parse_timestamp
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

MOVED = 60.0
"""Seconds for a lease to expire and a task to run elsewhere, on a busy machine."""


@pytest.mark.core
def test_frozen_for_longer_than_its_lease(cluster: Cluster) -> None:
    """Its tasks run elsewhere. When it wakes up it stops its copies, the singleton's first thing: nothing but the token
    in its environment can tell that one in between (docs/singletons.md)."""
    for host in cluster.hosts:
        cluster.cordon(host.name, host.name != "h3")
    cluster.apply(task("web"), task("ledger", singleton=True))
    before = cluster.wait_running(["web", "ledger"])
    for host in cluster.hosts:
        cluster.cordon(host.name, False)
    host = cluster.host("h3")
    # A member that led when it was frozen may end everybody's lease when it wakes (docs/reliability.md, etcd's own).
    cluster.lead_etcd(cluster.host("h1"))
    old = before["ledger"]["status"]["containerId"]

    with host.frozen():
        for name in ("web", "ledger"):
            cluster.until(lambda name=name: runs_off(cluster, name, "h3"), MOVED, f"{name} runs elsewhere")
        moved = {name: cluster.wait_state(name, "Running")["status"] for name in ("web", "ledger")}

    cluster.until(lambda: not host.containers(running=True), 60, "h3 stops what is not its own any more")
    after = cluster.wait_running(["web", "ledger"])
    for name, status in moved.items():
        now = after[name]["status"]
        assert (now["containerId"], now["epoch"]) == (status["containerId"], 2), f"{name}: {status} became {now}"
    assert old not in {one["Id"] for one in cluster.containers(running=True)}


def test_frozen_for_less_than_its_lease(cluster: Cluster) -> None:
    """Nothing moves, and nothing starts anew."""
    cluster.apply(task("web", nodeSelector={"host": "h3"}), task("ledger", nodeSelector={"host": "h3"}, singleton=True))
    before = cluster.wait_running(["web", "ledger"])
    with cluster.host("h3").frozen():
        cluster.apply(task("meanwhile", nodeSelector={"host": "h1"}))
        started = cluster.wait_state("meanwhile", "Running")["status"]["startedAt"]
    assert parse_timestamp(started)

    after = cluster.wait_running(["web", "ledger", "meanwhile"])
    assert after["web"]["status"]["containerId"] == before["web"]["status"]["containerId"]
    assert {item["status"]["epoch"] for item in after.values()} == {1}


def runs_off(cluster: Cluster, name: str, node: str) -> bool:
    found = cluster.task(name)
    return found is not None and found["status"]["state"] == "Running" and found["status"]["node"] != node
