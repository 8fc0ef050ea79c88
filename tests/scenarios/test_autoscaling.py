"""An autoscaled service on a real etcd and a real Docker: what its tasks tell decides how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taskyard.manifest import load
from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
FILE = Path(__file__).parents[2] / "manifests" / "autoscaled.yaml"


def test_as_many_tasks_as_their_metric_calls_for(live: LiveCluster) -> None:
    (document,) = load(FILE.read_bytes(), FILE.name)
    live.apply(document.data)
    live.until(lambda: scale(live)["metrics"][0]["value"] == 2, 60, "its agent has read what it tells")
    assert scale(live)["replicas"] == 1
    tells(live, 30)
    live.until(lambda: scale(live)["replicas"] == 3, 60, "there are to be three")
    assert scale(live)["why"] == "queue_length at 30 of a target of 10"
    live.until(lambda: len(live.tasks()) == 3, 30, "there are three")
    shown = taskyard(live, "get", "autoscale")
    assert "queue_length" in shown.stdout, shown.stderr
    tells(live, 0)
    live.until(lambda: scale(live)["replicas"] == 1, 120, "there is to be one again")
    live.until(lambda: len(live.tasks()) == 1, 60, "there is one again")
    told = taskyard(live, "events", "--for", "service/queue").stdout
    assert "from 1 to 3 tasks: queue_length at 30 of a target of 10" in told


def tells(live: LiveCluster, length: int) -> None:
    done = taskyard(live, "exec", "queue-0", "--", "sh", "-c", f"echo queue_length {length} > /srv/metrics")
    assert done.returncode == 0, done.stderr


def scale(live: LiveCluster) -> dict[str, Any]:
    """As the service shows it; before its controller has seen it, with nothing known."""
    status = live.call("GET", "/services/queue")[1].get("status", {})
    nothing = {"replicas": 0, "metrics": [{"value": None}]}
    return {**nothing, **(status.get("autoscale") or {})}
