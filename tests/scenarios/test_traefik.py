"""A stock Traefik that finds services in etcd, where the control plane publishes them: requests reach the right
service's tasks, and none fails while one is brought to another version under load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.scenarios.test_services import web
from tests.support.cluster import LiveCluster
from tests.support.docker_engine import DockerEngine
from tests.support.proxy import GRACEFUL, under_load
from tests.support.traefik import page, traefik

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
HOST, OTHER = "127.0.0.1", "other.example"


@pytest.fixture
def published(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[LiveCluster]:
    cluster = LiveCluster(tmp_path, docker_engine.host, plane_flags=["--publish-traefik", "yard"])
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def service(name: str, version: str, host: str) -> dict[str, Any]:
    manifest = web(version, order="start-first", minReady="2s")
    manifest["metadata"] = {"name": name, "annotations": {"taskyard/http-host": host}}
    manifest["spec"]["template"]["spec"] |= GRACEFUL
    return manifest


def test_requests_reach_the_tasks_through_an_update(published: LiveCluster, tmp_path: Path) -> None:
    live = published
    live.apply(service("web", "one", HOST), service("other", "else", OTHER))
    for name in ("web", "other"):
        assert taskyard(live, "rollout", "status", name, "--timeout", "120s").returncode == 0
    with traefik(live.etcd.endpoint, "yard", tmp_path) as url:
        live.until(lambda: (page(url, HOST), page(url, OTHER)) == ("one", "else"), 30, "each host is its service")
        assert "404" in page(url, "nobody.example")
        with under_load(url) as loads:
            live.apply(service("web", "two", HOST))
            rolled = taskyard(live, "rollout", "status", "web", "--timeout", "180s")
            assert rolled.returncode == 0, rolled.stderr
            live.until(lambda: all(load.answers["two"] > 0 for load in loads), 60, "the new version answers")
        assert [failure for load in loads for failure in load.failures] == []
        assert set(sum((load.answers for load in loads), Counter[str]())) == {"one", "two"}
        assert taskyard(live, "scale", "web", "--replicas", "0", "--wait", "--timeout", "60s").returncode == 0
        live.until(lambda: "404" in page(url, HOST), 30, "no task, no route")
        assert page(url, OTHER) == "else"
