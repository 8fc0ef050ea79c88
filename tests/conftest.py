"""Fixtures that many tests share: a real etcd to talk to, one of their own to break, and a real Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.docker_engine import DockerEngine, running_docker_engine
from tests.support.etcd_server import EtcdServer

# How long an example takes, and how fast they are made, says more of what else runs on the machine than of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def etcd_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
def etcd(etcd_of_session: EtcdServer) -> EtcdServer:
    """An etcd without any key. It is shared: leave it running; revisions go on from test to test."""
    etcd_of_session.wipe()
    return etcd_of_session


@pytest.fixture
def etcd_server(tmp_path: Path) -> Iterator[EtcdServer]:
    """An etcd of the test's own, to kill, pause and restart."""
    with EtcdServer(tmp_path / "etcd") as server:
        yield server


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A Docker Engine with busybox:1.35. Test processes share it: label what you start, and remove it by that label."""
    with running_docker_engine() as engine:
        yield engine
