"""A Docker Engine for tests: the one that DOCKER_HOST names, or a dockerd of our own that test processes share.

The first user starts dockerd in a folder under /tmp with a bridge of its own (one machine can have only one docker0),
the last one stops it and removes everything. `tests/conftest.py` makes a fixture of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

from nodeagent.runtime.docker_ping import ping
from taskyard.local import demo_image
from taskyard.local.bridge import Bridge
from taskyard.local.dockerd import Dockerd
from taskyard.local.engine import Engine

_BASE = Path("/tmp/taskyard-docker")
_BRIDGE = Bridge("tytest0", "10.213.77.1/24")


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """A running engine that has `busybox:1.35`. `pid` is 0 when it is not ours to signal."""

    host: str
    pid: int

    def client(self, timeout: float = 120) -> docker.APIClient:
        # Not "auto", for which Podman runs helpers, 1 s each time.
        return docker.APIClient(base_url=self.host, version=ping(self.host, timeout).api, timeout=int(timeout))

    def remove_all(self, label: str) -> None:
        """Removes every container with this label (`key=value`), one by one: dockerd wedges on many at once."""
        client = self.client()
        left = [str(found["Id"]) for found in client.containers(all=True, filters={"label": label})]
        for container in left:
            with contextlib.suppress(docker.errors.APIError):
                client.kill(container)  # Podman's removal gives a grace period of 10 s.
        while left:
            kept = [container for container in left if not _removed(client, container)]
            assert len(kept) < len(left), f"these cannot be removed: {kept}"
            left = kept
        client.close()


def _removed(client: docker.APIClient, container: str) -> bool:
    """False where another one has its network, on Podman: that one goes first."""
    try:
        client.remove_container(container, force=True, v=True)
    except docker.errors.NotFound:
        return True
    except docker.errors.APIError as error:
        if "already in progress" in str(error):
            return True  # By an agent that was killed meanwhile.
        if "dependent containers" in str(error):
            return False
        raise
    return True


@contextlib.contextmanager
def running_docker_engine() -> Iterator[DockerEngine]:
    """Raises LocalError with dockerd's last words when none can be had."""
    named = os.environ.get("DOCKER_HOST", "")
    if named:
        demo_image.ensure(Engine(named))
        yield DockerEngine(named, 0)
        return
    dockerd = Dockerd(_BASE / "engine", own_bridge=_BRIDGE)
    user = _BASE / "users" / str(os.getpid())
    with _locked():
        _forget_dead_users()
        process = dockerd.running() or dockerd.start()
        dockerd.wait_ready()
        user.parent.mkdir(exist_ok=True)
        user.touch()
        demo_image.ensure(dockerd.engine, pull_timeout=0)
    try:
        yield DockerEngine(f"unix://{dockerd.socket}", process.pid)
    finally:
        with _locked():
            user.unlink(missing_ok=True)
            _forget_dead_users()
            if not any(user.parent.iterdir()):
                dockerd.stop()
                dockerd.purge()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    _BASE.mkdir(exist_ok=True)
    with open(_BASE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_dead_users() -> None:
    users = _BASE / "users"
    for user in users.iterdir() if users.is_dir() else ():
        if not Path("/proc", user.name).exists():
            user.unlink()
