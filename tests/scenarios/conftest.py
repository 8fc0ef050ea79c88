"""A live cluster for each scenario, on the session's Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import LiveCluster
from tests.support.docker_engine import DockerEngine


@pytest.fixture
def live(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[LiveCluster]:
    cluster = LiveCluster(tmp_path, docker_engine.host)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
