"""The agent's process, for tests on a real etcd and a real Docker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")
