"""Init tasks and hooks on a real Docker: what they leave in a volume is there for the task, and after its stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    process.start()
    process.ready()
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")
    with closing(docker_engine.client()) as client:
        for name in (f"{process.cluster}-a", f"{process.cluster}-b"):
            if any(volume["Name"] == name for volume in client.volumes()["Volumes"] or ()):
                client.remove_volume(name)


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_they_run_before_the_task_also_across_agents_and_their_logs_are_there(agent: AgentProcess) -> None:
    volume = {"name": f"{agent.cluster}-a", "target": "/data"}
    init = [
        {"name": "wait", "command": shell("echo waiting; until test -e /data/go; do sleep 0.1; done")},
        {"name": "write", "command": shell("echo $WHAT > /data/written"), "env": {"WHAT": "by-init"}},
    ]
    uid = agent.assign(command=shell("cat /data/written; sleep 1000"), volumes=[volume], init=init)
    status = agent.until(
        lambda: (found := agent.status(uid)) and found.reason == "Initializing" and found, timeout=60.0
    )
    assert status.message == "init task wait runs (1 of 2)"
    agent.kill()
    agent.start()
    agent.ready()
    assert agent.containers() == {f"ty-{uid}-1-1-init1": "running"}
    agent.assign(command=shell("touch /data/go"), volumes=[volume], restart={"policy": "never"})
    agent.wait_for(uid, "Running", timeout=90.0)
    agent.until(lambda: agent.logs(uid) == ["by-init"], timeout=60.0)
    assert agent.logs(uid, container="wait") == ["waiting"]
    states = {name: state for name, state in agent.containers().items() if uid in name}
    assert states == {
        f"ty-{uid}-1-1-init1": "exited",
        f"ty-{uid}-1-1-init2": "exited",
        f"ty-{uid}-1-1": "running",
    }


def test_hooks_run_after_the_start_and_before_the_stop(agent: AgentProcess) -> None:
    volume = {"name": f"{agent.cluster}-b", "target": "/data"}
    hooks = {
        "postStart": {"command": shell("echo started >> /data/told")},
        "preStop": {"command": shell("echo stopping >> /data/told")},
    }
    obeys = shell("trap 'echo stopped >> /data/told; exit 0' TERM; while :; do sleep 0.1; done")
    uid = agent.assign(command=obeys, volumes=[volume], hooks=hooks)
    agent.wait_for(uid, "Running", timeout=60.0)
    agent.assign(command=obeys, uid=uid, epoch=1, desired="Stopped", volumes=[volume], hooks=hooks)
    agent.wait_for(uid, "Completed", timeout=60.0)
    reader = agent.assign(command=shell("cat /data/told"), volumes=[volume], restart={"policy": "never"})
    agent.wait_for(reader, "Completed", timeout=60.0)
    assert agent.logs(reader) == ["started", "stopping", "stopped"]
