"""What a benchmark runs on: a Docker Engine (the one that runs, or one of our own) and a cluster beside it.

Everything lives in a temporary folder and is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from taskyard.local import demo_image
from taskyard.local.bridge import Bridge
from taskyard.local.dockerd import Dockerd
from tests.support.cluster import LiveCluster
from tests.support.docker_engine import running_docker_engine


@contextmanager
def engine() -> Iterator[str]:
    """The address of a Docker Engine that has the demo image: DOCKER_HOST's, or one of our own for as long."""
    with running_docker_engine() as running:
        yield running.host


@contextmanager
def engine_with_swarm() -> Iterator[str]:
    """The address of a Docker Engine of our own that can be a Swarm: without --live-restore, which excludes that."""
    with tempfile.TemporaryDirectory(prefix="tyd-") as folder:
        dockerd = Dockerd(Path(folder), live_restore=False, own_bridge=Bridge("tybench0", "10.213.78.1/24"))
        try:
            dockerd.start()
            dockerd.wait_ready()
            demo_image.ensure(dockerd.engine, pull_timeout=0)
            yield f"unix://{dockerd.socket}"
        finally:
            dockerd.stop()
            dockerd.purge()


@contextmanager
def cluster(docker_host: str, *agent_flags: str) -> Iterator[LiveCluster]:
    """A started cluster of one node."""
    with tempfile.TemporaryDirectory(prefix="tyc-") as folder:
        live = LiveCluster(Path(folder), docker_host, agent_flags=agent_flags)
        try:
            live.start()
            yield live
        finally:
            live.stop()


def docker_client(host: str) -> docker.APIClient:
    """The peer: docker-py, as anybody would use it."""
    return docker.APIClient(base_url=host, timeout=60)


SLEEP = ["sleep", "3600"]


def manifest(name: str, network: str = "bridge") -> dict[str, Any]:
    """A task that only sleeps; what the peer is given too."""
    spec = {"image": demo_image.REFERENCE, "command": SLEEP, "stop": {"gracePeriod": 0}, "network": {"mode": network}}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": name},
        "spec": spec,
    }
