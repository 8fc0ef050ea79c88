"""Every example in manifests/ runs as it is."""

from __future__ import annotations

import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taskyard.manifest import load
from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
FOLDER = Path(__file__).parents[2] / "manifests"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_example_runs(live: LiveCluster, path: Path) -> None:
    manifests = [document.data for document in load(path.read_bytes(), path.name)]
    assert manifests
    live.apply(*manifests)
    for manifest in manifests:
        if manifest["kind"] == "Service":
            live.until(partial(rolled_out, live, manifest["metadata"]["name"]), 120, "it is rolled out")
            continue
        if manifest["kind"] in ("Job", "Cron"):
            live.until(partial(done, live, ran(live, manifest)), 180, "it is complete")
            continue
        if manifest["kind"] == "Task":
            once = manifest["spec"].get("restart", {}).get("policy") == "never"
            state = "Completed" if once else "Running"
            live.until(partial(is_in, live, manifest["metadata"], state), 60, f"it is {state}")


def test_the_canary_waits_and_is_promoted(live: LiveCluster) -> None:
    (document,) = load((FOLDER / "canary.yaml").read_bytes(), "canary.yaml")
    live.apply(document.data)
    live.until(partial(rolled_out, live, "canary"), 120, "it is rolled out")
    document.data["spec"]["template"]["spec"]["env"]["VERSION"] = "2"
    live.apply(document.data)
    live.until(partial(is_at, live, "AwaitingPromotion"), 120, "the canary is available")
    assert revisions(live) == [1, 1, 1, 2]
    assert taskyard(live, "rollout", "promote", "canary").returncode == 0
    live.until(partial(is_at, live, "Complete"), 120, "all have it")
    live.until(lambda: revisions(live) == [2, 2, 2], 30, "the stand-in is gone")


def is_at(live: LiveCluster, phase: str) -> bool:
    return str(live.call("GET", "/services/canary")[1]["status"]["phase"]) == phase


def revisions(live: LiveCluster) -> list[int]:
    return sorted(each["revision"] for each in live.call("GET", "/services/canary/endpoints")[1]["endpoints"])


def is_in(live: LiveCluster, metadata: dict[str, Any], state: str) -> bool:
    status, task = live.call("GET", f"/tasks/{metadata['name']}?namespace={metadata.get('namespace', 'default')}")
    return status == 200 and task["status"]["state"] == state


def ran(live: LiveCluster, manifest: dict[str, Any]) -> str:
    """The name of the job; of a cron's, which is made now instead of at its time."""
    name = str(manifest["metadata"]["name"])
    if manifest["kind"] == "Job":
        return name
    live.until(lambda: live.call("GET", f"/crons/{name}")[0] == 200, 30, "it is there")
    job = {**manifest, "kind": "Job", "metadata": {"name": f"{name}-now"}, "spec": manifest["spec"]["template"]["spec"]}
    live.apply(job)
    return f"{name}-now"


def done(live: LiveCluster, name: str) -> bool:
    status = live.call("GET", f"/jobs/{name}")[1].get("status", {})
    assert status.get("phase") != "Failed", status
    return bool(status.get("phase") == "Complete")


def rolled_out(live: LiveCluster, name: str) -> bool:
    status = live.call("GET", f"/services/{name}")[1].get("status", {})
    return status.get("phase") == "Complete" and status["ready"] == status["wanted"] > 0


def test_the_web_example_answers_and_is_healthy(live: LiveCluster) -> None:
    live.apply(*(document.data for document in load((FOLDER / "web.yaml").read_bytes(), "web.yaml")))
    live.wait_state("web", "Running")

    def healthy() -> bool:
        task = live.task("web")
        return bool(task and task["status"].get("health") == "healthy")

    live.until(healthy, 30, "web is healthy")
    with urllib.request.urlopen("http://127.0.0.1:8088/", timeout=5) as answer:
        assert b"Hello" in answer.read()
