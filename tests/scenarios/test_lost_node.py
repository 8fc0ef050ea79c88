"""kill -9 of a node's agent that does not come back: its tasks run on the other node, and how long that takes."""

from __future__ import annotations

import sys
import time

import pytest

from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]

LEASE = 10.0
"""Seconds, the agent's default; the lease was renewed up to a third of it before the kill."""
OVERHEAD = 4.0
"""Seconds for etcd to notice an expiry, to bind, and to start a container, on a busy machine."""


@pytest.mark.parametrize(
    ("wish", "delay"),
    [
        pytest.param({}, 0.0, id="by default"),
        pytest.param({"after": "10s"}, 10.0, id="after a delay"),
    ],
)
def test_its_tasks_run_on_the_other_node(
    live: LiveCluster, wish: dict[str, str], delay: float, capsys: pytest.CaptureFixture[str]
) -> None:
    live.apply(
        task("web", onNodeLoss=wish),
        task("job", "true", restart={"policy": "never"}),
        task("db", onNodeLoss={"policy": "stay"}),
    )
    first = live.wait_state("web", "Running")["status"]
    uid = live.wait_state("web", "Running")["metadata"]["uid"]
    live.wait_state("job", "Completed")
    live.wait_state("db", "Running")
    live.add_agent("n2")

    killed = time.monotonic()
    live.kill("agent")
    assert "waits for its node" in live.wait_state("db", "Lost", LEASE + OVERHEAD)["status"]["message"]
    noticed = time.monotonic() - killed
    if delay:
        lost = live.wait_state("web", "Lost")["status"]
        assert (first["node"], lost["node"], lost["reason"]) == ("n1", "n1", "NodeLost")
        assert "it is placed on another node from" in lost["message"]

    now = live.until(lambda: _running_on(live, "web", "n2"), delay + OVERHEAD, "web runs on n2")
    took = time.monotonic() - killed
    with capsys.disabled():
        sys.stdout.write(
            f"\ndelay {delay:.0f} s: Lost {noticed:.1f} s after the kill, running on n2 after {took:.1f} s\n"
        )
    assert (now["epoch"], now["restarts"]) == (2, 0)
    assert took <= LEASE + delay + OVERHEAD
    assert live.state("job") == "Completed"
    assert live.state("db") == "Lost"
    old = first["containerId"]
    assert set(live.containers(uid, running=True)) == {old, now["containerId"]}, "nobody is there to stop the old one"

    live.restart("agent")
    live.until(lambda: live.containers(uid) == [now["containerId"]], 30, "the agent that is back removes the old one")
    assert live.wait_state("db", "Running")["status"]["node"] == "n1"
    assert live.wait_state("web", "Running")["status"]["node"] == "n2"


def _running_on(live: LiveCluster, name: str, node: str) -> dict[str, object] | None:
    found = live.task(name)
    status: dict[str, object] = found["status"] if found else {}
    return status if status.get("state") == "Running" and status.get("node") == node else None
