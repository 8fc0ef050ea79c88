"""Secrets and Configs as files in containers of a real Docker: mode, owner, and changes seen from the inside."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Secret, SecretSpec, encode
from taskyard.store.api import Put
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
VALUE = "s3cr3t-value"
LOOK = "stat -L -c '%a %u %g' /run/db/password; while :; do cat /run/db/password; echo; sleep 0.1; done"


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        process.start("--secrets-dir", memory)
        process.ready()
        yield process
        process.stop()
        docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


def put(agent: AgentProcess, password: str) -> None:
    value = Secret(metadata=Metadata(name="db"), spec=SecretSpec(data={"password": password}))
    agent.store.commit([], [Put(keys.object_key(ObjectKey("Secret", "default", "db")), encode(value))])


def test_a_task_reads_them_as_its_user_and_sees_changes_without_a_restart(agent: AgentProcess) -> None:
    put(agent, "old")
    volume = {"type": "secret", "name": "db", "target": "/run/db", "mode": "0400", "owner": "1000:2000"}
    uid = agent.assign(command=["sh", "-c", LOOK], user="1000:2000", volumes=[volume], stop={"gracePeriod": "0s"})
    agent.wait_for(uid, "Running")
    agent.until(lambda: "old" in agent.logs(uid))
    assert agent.logs(uid)[0] == "400 1000 2000"
    put(agent, VALUE)
    agent.until(lambda: VALUE in agent.logs(uid), timeout=30.0)
    status = agent.status(uid)
    assert status is not None
    assert (status.state, status.attempt) == ("Running", 1)

    with closing(docker.APIClient(agent.docker_host, version="auto")) as client:
        inspected = str(client.inspect_container(status.container_id))
        writing = client.exec_create(status.container_id, ["touch", "/run/db/new"], user="root")["Id"]
        assert b"Read-only file system" in client.exec_start(writing)
    told = [entry.value.decode() for entry in agent.store.list("").entries if "/secrets/" not in entry.key]
    for text in (*told, inspected, (agent.folder / "agent.log").read_text()):
        assert VALUE not in text
    agent.assign(uid=uid, epoch=2, desired="Stopped")
    agent.wait_for(uid, "Completed")
