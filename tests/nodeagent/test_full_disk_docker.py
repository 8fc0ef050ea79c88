"""A disk that is nearly full: the node says so, and images that the agent fetched and nobody needs go from a real
Docker; those that a container of somebody else's is made of stay, and so do those that it did not fetch."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest

from nodeagent.runtime.docker import DockerRuntime
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
_SIZE = 32 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one of its own for the agent's data."""
    folder = tmp_path / "data"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def images(docker_engine: DockerEngine) -> Iterator[dict[str, str]]:
    """Four that came from no registry, by what they are to the agent."""
    run = uuid.uuid4().hex[:8]
    names = {what: f"{what}-{run}:1" for what in ("unused", "used", "wanted", "others")}
    with closing(docker_engine.client()) as client:
        for image in names.values():
            made = client.create_container("busybox:1.35")
            client.commit(made, *image.split(":"), changes=[f"ENV NAME={image}"])
            client.remove_container(made)
        theirs = client.create_container(names["used"])
        yield names
        client.remove_container(theirs)
        for image in names.values():
            with suppress(docker.errors.NotFound):
                client.remove_image(image)


@pytest.fixture
def agent(
    tmp_path: Path, disk: Path, etcd: EtcdServer, docker_engine: DockerEngine, images: dict[str, str]
) -> Iterator[AgentProcess]:
    del disk, images  # They go after the agent and its containers.
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


def test_images_that_nobody_needs_go_when_the_disk_is_nearly_full(
    agent: AgentProcess, disk: Path, docker_engine: DockerEngine, images: dict[str, str]
) -> None:
    """An agent before this one fetched all but one, ten minutes ago."""
    fetched = [image for what, image in images.items() if what != "others"]
    (disk / "images.json").write_text(json.dumps(dict.fromkeys(fetched, time.time() - 600)))
    agent.start()
    agent.ready()
    uid = agent.assign("sleep", "1000", image=images["wanted"], stop={"gracePeriod": "0s"})
    agent.wait_for(uid, "Running")
    assert not agent.ready().suffers("DiskPressure")

    def there() -> set[str]:
        with closing(DockerRuntime(docker_engine.host)) as runtime:
            found = runtime.image_names()
        return {what for what, image in images.items() if image in found}

    filler = disk / "filler"
    filler.write_bytes(bytes(_SIZE * 97 // 100))
    agent.until(lambda: agent.ready().suffers("DiskPressure"), timeout=60.0)
    agent.until(lambda: "unused" not in there(), timeout=60.0)
    filler.unlink()
    agent.until(lambda: not agent.ready().suffers("DiskPressure"), timeout=60.0)
    assert there() == {"used", "wanted", "others"}
    agent.until(lambda: any("DiskPressure" in event for event in agent.events()))
