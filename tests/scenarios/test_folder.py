"""A watched folder on a live cluster: what is saved runs, what is deleted goes, what is broken changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import LiveCluster
from tests.support.docker_engine import DockerEngine

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
TASK = """\
apiVersion: taskyard/v1
kind: Task
metadata: {{name: {name}}}
spec:
  image: busybox:1.35
  command: [sleep, "3600"]
  env: {{COLOUR: {colour}}}
  stop: {{gracePeriod: 0s}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    return made


@pytest.fixture
def live(tmp_path: Path, folder: Path, docker_engine: DockerEngine) -> Iterator[LiveCluster]:
    cluster = LiveCluster(tmp_path, docker_engine.host, manifests=folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def test_saving_editing_breaking_and_deleting(live: LiveCluster, folder: Path) -> None:
    path = folder / "web.yaml"
    path.write_text(TASK.format(name="web", colour="blue"))
    (folder / "other.yaml").write_text(TASK.format(name="other", colour="blue"))
    live.wait_state("web", "Running")
    live.wait_state("other", "Running")

    path.write_text(TASK.format(name="web", colour="green"))
    live.until(lambda: (live.task("web") or {})["spec"]["env"]["COLOUR"] == "green", 30, "the edit is applied")

    path.write_text("spec: [")

    def reported() -> bool:
        events = live.call("GET", "/events")[1]["items"]
        return any(event["component"].startswith("folder") and "web.yaml" in event["message"] for event in events)

    live.until(reported, 30, "the broken file is reported")
    assert live.task("web") is not None

    path.unlink()
    live.until(lambda: live.task("web") is None, 30, "web is gone with its file")
    assert live.state("other") == "Running"


def test_what_changed_while_nobody_watched(live: LiveCluster, folder: Path) -> None:
    for name in ("one", "two", "three"):
        (folder / f"{name}.yaml").write_text(TASK.format(name=name, colour="blue"))
    for name in ("one", "two", "three"):
        live.wait_state(name, "Running")
    live.terminate("controlplane")
    (folder / "one.yaml").unlink()
    (folder / "four.yaml").write_text(TASK.format(name="four", colour="blue"))
    live.launch("controlplane")

    live.wait_state("four", "Running")
    live.until(lambda: live.task("one") is None, 30, "one went with its file")
    assert {item["metadata"]["name"] for item in live.tasks()} == {"two", "three", "four"}
