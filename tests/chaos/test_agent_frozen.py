"""SIGSTOP of an agent before and after an effect, for longer than its lease: its tasks move, and when it wakes up it
neither starts nor reports what is not its own any more."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from taskyard.failpoints import VARIABLE
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

MOVED = 60.0
"""Seconds for a lease of 10 s to expire and the task to run elsewhere, on a busy machine."""


@pytest.mark.parametrize(
    "point", ["agent.intent.after", "agent.create.after", "agent.start.before", "agent.start.after"]
)
def test_while_a_task_starts(cluster: Cluster, point: str) -> None:
    for host in cluster.hosts:
        cluster.cordon(host.name, host.name != "h3")
    agent = cluster.host("h3").agent
    agent.restart({VARIABLE: f"{point}=stop"})
    cluster.apply(task("web"))
    cluster.until(lambda: agent.frozen, 60, f"the agent is frozen at {point}")
    for host in cluster.hosts:
        cluster.cordon(host.name, host.name == "h3")

    moved = cluster.until(lambda: _running_off(cluster, "web", "h3"), MOVED, "web runs on another node")
    agent.resume()

    after = cluster.wait_running(["web"])["web"]["status"]
    assert (after["containerId"], after["epoch"], after["restarts"]) == (moved["containerId"], 2, 0)
    cluster.until(lambda: len(cluster.containers()) == 1, 60, "nothing of it is left on h3")


def test_while_nothing_happens(cluster: Cluster) -> None:
    names = [f"web-{number}" for number in range(6)]
    cluster.apply(*(task(name) for name in names))
    before = cluster.wait_running(names)
    struck = {name for name, item in before.items() if item["status"]["node"] == "h3"}
    assert struck
    agent = cluster.host("h3").agent
    agent.pause()
    for name in struck:
        cluster.until(lambda name=name: _running_off(cluster, name, "h3"), MOVED, f"{name} runs on another node")
    agent.resume()

    after = cluster.wait_running(names)
    for name in set(names) - struck:
        assert after[name]["status"]["containerId"] == before[name]["status"]["containerId"], f"{name} was disturbed"


def _running_off(cluster: Cluster, name: str, node: str) -> dict[str, object] | None:
    found = cluster.task(name)
    status: dict[str, object] = found["status"] if found else {}
    return status if status.get("state") == "Running" and status.get("node") != node else None
