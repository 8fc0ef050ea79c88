"""A tag that moves in its registry between two tasks of a service: a revision has one image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster
from tests.support.docker_engine import DockerEngine
from tests.support.registry import Registry, running_registry

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


@pytest.fixture
def registry(tmp_path: Path, docker_engine: DockerEngine, live: LiveCluster) -> Iterator[Registry]:
    with running_registry(tmp_path / "registry") as registry:
        yield registry
        for container in live.containers():
            live.remove_container(container)
        with closing(docker_engine.client()) as client:
            for image in client.images(filters={"reference": f"{registry.host}/*"}):
                client.remove_image(image["Id"], force=True)


def service(image: str, replicas: int) -> dict[str, Any]:
    run = {"image": image, "pullPolicy": "Always", "command": ["sh", "-c", "echo $VARIANT; sleep 1000"]}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": run | {"stop": {"gracePeriod": "0s"}}}},
    }


def digests(live: LiveCluster) -> list[str]:
    return sorted(one["status"].get("imageDigest", "") for one in live.tasks() if one["status"]["state"] == "Running")


def test_all_tasks_of_a_revision_run_what_its_tag_stood_for_at_its_first(live: LiveCluster, registry: Registry) -> None:
    image, old = registry.push_variant(live.docker_host, "shop:1", "old")
    live.apply(service(image, 1))
    live.until(lambda: digests(live) == [old], 90, "one task runs what the tag stands for")
    live.until(lambda: old in str(live.call("GET", "/services/web/revisions")), 60, "the revision has its image")

    _, new = registry.push_variant(live.docker_host, "shop:1", "new")
    assert new != old
    live.apply(service(image, 2))
    live.until(lambda: digests(live) == [old, old], 90, "the second runs the same")
    first = next(one for one in live.tasks())["metadata"]["name"]
    assert taskyard(live, "logs", first).stdout == "old\n"

    restarted = taskyard(live, "rollout", "restart", "service/web")
    assert restarted.returncode == 0, restarted.stderr
    live.until(lambda: digests(live) == [new, new], 90, "the next revision runs what the tag stands for now")
