"""Images from a real registry that wants a login, and images that it cannot give, on a real Docker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.port import ImageInfo, Transferred, WrongPlatform
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Secret, SecretSpec, TaskStatus, encode
from taskyard.store.api import Put
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer
from tests.support.registry import PASSWORD, USER, Registry, running_registry

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


@pytest.fixture(params=[True, False], ids=["private", "open"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, docker_engine: DockerEngine) -> Iterator[Registry]:
    with running_registry(tmp_path / "registry", private=request.param) as registry:
        yield registry
        with closing(docker_engine.client()) as client:
            for image in client.images(filters={"reference": f"{registry.host}/*"}):
                client.remove_image(image["Id"], force=True)


private = pytest.mark.parametrize("registry", [True], indirect=True, ids=["private"])
open_to_all = pytest.mark.parametrize("registry", [False], indirect=True, ids=["open"])


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine, registry: Registry) -> Iterator[AgentProcess]:
    del registry  # Its images go after the containers that are made of them.
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    process.start()
    process.ready()
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


def put_login(agent: AgentProcess, registry: Registry, password: str = PASSWORD) -> None:
    data = {"registry": registry.host, "username": USER, "password": password}
    value = Secret(metadata=Metadata(name="login"), spec=SecretSpec(data=data))
    agent.store.commit([], [Put(keys.object_key(ObjectKey("Secret", "default", "login")), encode(value))])


def stuck(agent: AgentProcess, uid: str, reason: str) -> TaskStatus:
    return agent.until(lambda: (found := agent.status(uid)) and found.reason == reason and found, timeout=60.0)


@private
def test_a_login_from_a_secret_fetches_and_is_seen_nowhere(agent: AgentProcess, registry: Registry) -> None:
    image = registry.push(agent.docker_host, "busy:1", megabytes=1)
    uid = agent.assign("sleep", "1000", image=image)
    assert "name a Secret with a login in pullSecret" in stuck(agent, uid, "ImagePullBackOff").message
    agent.unassign(uid)

    put_login(agent, registry, "wrong")
    other = agent.assign("sleep", "1000", image=image, pullSecret="login", restart={"backoff": {"max": "1s"}})
    assert f"refuses user {USER} of secret/login" in stuck(agent, other, "ImagePullBackOff").message
    put_login(agent, registry)
    with closing(docker.APIClient(agent.docker_host, version="auto")) as client:
        agent.until(lambda: client.images(name=image.rpartition(":")[0]), timeout=60.0)
        digest = client.inspect_image(image)["RepoDigests"][0].partition("@")[2]
        agent.until(agent.containers, timeout=60.0)
        made = client.inspect_container(next(iter(agent.containers())))
        assert made["Image"] == client.inspect_image(f"{image}@{digest}")["Id"]
    # Podman leaves the digest out.
    assert made["Config"]["Image"] in (image, f"{image}@{digest}")
    told = [entry.value.decode() for entry in agent.store.list("").entries if "/secrets/" not in entry.key]
    for text in (*told, str(made), (agent.folder / "agent.log").read_text()):
        assert PASSWORD not in text


@open_to_all
def test_an_image_of_another_architecture_says_so_and_stops_nothing(agent: AgentProcess, registry: Registry) -> None:
    alone, indexed = registry.put_foreign("alone:1", index=False), registry.put_foreign("many:1", index=True)
    uid = agent.assign("sleep", "1000")
    running = agent.wait_for(uid, "Running")
    agent.assign("sleep", "1000", uid=uid, epoch=2, image=indexed)
    assert "no variant of image" in stuck(agent, uid, "WrongPlatform").message
    assert agent.containers() == {running.container_name: "running"}
    agent.assign("sleep", "1000", uid=uid, epoch=3, image=alone)
    message = f"image {alone} is for linux/s390x, and this node is not"
    agent.until(lambda: (found := agent.status(uid)) and found.epoch == 3 and message in found.message, timeout=60.0)
    assert agent.containers() == {running.container_name: "running"}


@open_to_all
def test_an_image_that_is_not_there_says_so(agent: AgentProcess, registry: Registry) -> None:
    uid = agent.assign("sleep", "1000", image=f"{registry.host}/nothing:1")
    assert "the registry has no such image" in stuck(agent, uid, "ImagePullBackOff").message


@open_to_all
@pytest.mark.differs_on_podman
def test_what_is_fetched_is_counted(registry: Registry, docker_engine: DockerEngine) -> None:
    told: list[Transferred] = []
    with closing(DockerRuntime(docker_engine.host)) as runtime:
        runtime.pull(registry.push(docker_engine.host, "noise:1", megabytes=4)).run(told=told.append)
    assert told[-1].done == told[-1].total >= 4 * 2**20


@open_to_all
def test_what_is_fetched_has_the_digest_of_the_registry(registry: Registry, docker_engine: DockerEngine) -> None:
    image = registry.push(docker_engine.host, "noise:1", megabytes=1)
    with closing(DockerRuntime(docker_engine.host)) as runtime:
        runtime.pull(image).run()
        found = runtime.find_image(image)
        with pytest.raises(WrongPlatform):
            runtime.pull(registry.put_foreign("many:1", index=True)).run()
    assert found == ImageInfo(registry.digest("noise:1"))
