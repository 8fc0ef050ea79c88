"""kill -9 of an agent before and after each of its effects: each task runs once, and ends when it is deleted."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from taskyard.failpoints import VARIABLE, names
from tests.support.failpoints import points
from tests.support.manifests import task

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("witness")]

HERE = {"host": "h3"}
STARTING = ["agent.intent", "agent.create", "agent.start", "agent.status"]
STOPPING = ["agent.signal", "agent.status", "agent.remove"]


@pytest.mark.parametrize("point", points(STARTING, core="agent.create.after"))
def test_while_a_task_starts(cluster: Cluster, point: str) -> None:
    agent = cluster.host("h3").agent
    agent.restart({VARIABLE: f"{point}=kill"})
    cluster.apply(task("web", nodeSelector=HERE))
    cluster.until(lambda: not agent.running, 60, f"the agent is killed at {point}")

    agent.start()

    found = cluster.wait_running(["web"])["web"]["status"]
    assert (found["epoch"], found["attempt"], found["restarts"]) == (1, 1, 0)
    assert len(cluster.containers()) == 1


@pytest.mark.parametrize("point", points(STOPPING, core="agent.remove.before"))
def test_while_a_task_stops(cluster: Cluster, point: str) -> None:
    cluster.apply(task("web", nodeSelector=HERE, stop={"gracePeriod": "1s"}))
    cluster.wait_running(["web"])
    agent = cluster.host("h3").agent
    agent.restart({VARIABLE: f"{point}=kill"})
    cluster.delete("web")
    cluster.until(lambda: not agent.running, 60, f"the agent is killed at {point}")

    agent.start()

    cluster.until(lambda: cluster.gone("web"), 60, "the task is gone")
    assert cluster.containers() == []


@pytest.mark.parametrize("point", names(["agent.create", "agent.start", "agent.status"]))
def test_while_a_container_that_died_is_replaced(cluster: Cluster, point: str) -> None:
    cluster.apply(task("web", nodeSelector=HERE))
    first = cluster.wait_running(["web"])["web"]["status"]
    host = cluster.host("h3")
    host.agent.restart({VARIABLE: f"{point}=kill"})
    host.kill_container(first["containerId"])
    cluster.until(lambda: not host.agent.running, 60, f"the agent is killed at {point}")

    host.agent.start()

    def restarted() -> bool:
        status = cluster.wait_running(["web"])["web"]["status"]
        return bool(status["attempt"] == 2 and status["containerId"] != first["containerId"])

    cluster.until(restarted, 60, "the second attempt runs, and no third")


@pytest.mark.parametrize("point", names(["agent.register", "agent.renew"]))
def test_while_it_registers_or_renews(cluster: Cluster, point: str) -> None:
    cluster.apply(task("web", nodeSelector=HERE))
    before = cluster.wait_running(["web"])["web"]["status"]
    agent = cluster.host("h3").agent
    agent.kill()
    agent.start({VARIABLE: f"{point}=kill"})
    cluster.until(lambda: not agent.running, 60, f"the agent is killed at {point}")

    agent.start()
    agent.wait_ready()

    after = cluster.wait_running(["web"])["web"]["status"]
    assert (after["containerId"], after["epoch"]) == (before["containerId"], before["epoch"])
