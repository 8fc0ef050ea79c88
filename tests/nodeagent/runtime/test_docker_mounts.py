"""What is mounted into a container, on a real engine: the fake has no files."""

from __future__ import annotations

import uuid

import pytest

from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.port import ContainerSpec, ContainerState, Mount
from tests.nodeagent.runtime.harness import RealHarness
from tests.support.docker_engine import DockerEngine

pytestmark = pytest.mark.docker


def test_any_user_may_write_to_a_tmpfs(docker_engine: DockerEngine) -> None:
    """Where the image has nothing: over one of its directories, the mode is that directory's with an old runc."""
    label = uuid.uuid4().hex
    runtime = DockerRuntime(docker_engine.host)
    wanted = ContainerSpec(
        f"mounts-{label[:12]}",
        "busybox:1.35",
        {"taskyard/test": label},
        args=("touch", "/scratch/file"),
        user="65534:65534",
        mounts=(Mount("/scratch", tmpfs=True, size=2**20),),
    )
    try:
        container = runtime.create(wanted)
        runtime.start(container)
        ended = ContainerState.EXITED
        RealHarness(runtime).until(lambda: (found := runtime.inspect(container)) is not None and found.state is ended)
        found = runtime.inspect(container)
        assert found is not None
        assert found.exit_code == 0
    finally:
        runtime.close()
        docker_engine.remove_all(f"taskyard/test={label}")
