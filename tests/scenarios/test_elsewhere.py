"""A task that keeps failing on its node is tried on another, as often as it says, by real agents and containers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]

SCRIPT = 'test "$TASKYARD_NODE" = n2 && exec sleep 1000; exit 3'
SOON: dict[str, Any] = {"elsewhereAfter": 3, "backoff": {"initial": "200ms", "max": "400ms"}}


def messages(live: LiveCluster, reason: str) -> list[str]:
    _, answer = live.call("GET", "/events")
    return [event["message"] for event in answer["items"] if event["reason"] == reason]


def runs_on(live: LiveCluster, node: str) -> dict[str, Any] | None:
    found = live.task("web")
    return found if found and (found["status"]["state"], found["status"].get("node")) == ("Running", node) else None


def test_it_runs_on_another_node_once_it_has_failed_often_enough_on_its_own(live: LiveCluster) -> None:
    live.apply(
        task("web", "sh", "-c", SCRIPT, restart=SOON), task("stays", "false", restart=SOON | {"elsewhereAfter": 99})
    )
    (alone, *_) = live.until(lambda: messages(live, "NoOtherNode"), 60, "there is no other node")
    assert "times in a row on n1, and fits on no other node" in alone
    found = live.task("web")
    assert found
    assert (found["status"]["node"], found["status"]["epoch"]) == ("n1", 1)
    assert found["status"]["lastExit"]["exitCode"] == 3

    live.add_agent("n2")
    moved = live.until(lambda: runs_on(live, "n2"), 60, "it runs on n2")
    assert (moved["status"]["node"], moved["status"]["epoch"], moved["status"]["restarts"]) == ("n2", 2, 0)
    (tried, *_) = live.until(lambda: messages(live, "TriedElsewhere"), 10, "it is told why")
    assert tried.endswith("times in a row on n1: n2 is tried")
    live.until(lambda: live.containers(moved["metadata"]["uid"], running=False) == [moved["status"]["containerId"]], 30,
               "nothing of it is left on n1")  # fmt: skip
    stays = live.task("stays")
    assert stays
    assert (stays["status"]["node"], stays["status"]["epoch"]) == ("n1", 1)
