"""An agent that is asked to drain has its tasks moved, waits for them for a while, and ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from controlplane.cluster.records import NodeRecord
from nodeagent.draining import to_leave
from taskyard.objects import Assignment, NodeLease, TaskSpec, Toleration, decode
from tests.nodeagent.agent_process import AgentProcess
from tests.nodeagent.world import World
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer


def assignment(uid: str, *, desired: str = "Running", tolerates: bool = False) -> Assignment:
    tolerations = [Toleration(key="taskyard/drain", operator="Exists")] if tolerates else []
    return Assignment(
        uid=uid, namespace="default", name=uid, epoch=1, desired="Stopped" if desired == "Stopped" else "Running",
        spec_hash="x", spec=TaskSpec(image="a", tolerations=tolerations),
    )  # fmt: skip


def test_who_is_waited_for() -> None:
    found = [
        assignment("runs"),
        assignment("stops", desired="Stopped"),
        assignment("stopped", desired="Stopped"),
        assignment("starts"),
        assignment("over"),
        assignment("stays", tolerates=True),
    ]
    left = to_leave(found, running={"runs", "stops", "stays"}, over={"over"})
    assert left == ["default/runs", "default/starts", "default/stops"]


def test_a_drain_is_a_taint_that_drives_out_for_as_long_as_the_agent_lives() -> None:
    world = World()
    world.settle()
    world.registration.drain()
    world.settle()
    entry = world.memory.get("/taskyard/v1/nodes/n1/lease")
    assert entry is not None
    lease = decode(entry.value, NodeLease)
    assert lease.draining
    taints = [f"{taint.key}:{taint.effect}" for taint in NodeRecord(name="n1", lease=lease).taints]
    assert taints == ["taskyard/drain:NoExecute"]
    world.boot()
    world.settle()
    entry = world.memory.get("/taskyard/v1/nodes/n1/lease")
    assert entry is not None
    assert not decode(entry.value, NodeLease).draining


@pytest.mark.docker
@pytest.mark.etcd
def test_it_ends_once_its_tasks_have_gone(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine) -> None:
    agent = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    child = agent.start("--drain-timeout", "60")
    try:
        agent.ready()
        uid = agent.assign("sleep", "1000", stop={"gracePeriod": 0})
        agent.wait_for(uid, "Running", timeout=60.0)
        os.kill(child.pid, signal.SIGUSR1)
        agent.until(lambda: (lease := agent.lease()) and lease.draining)
        assert child.poll() is None
        agent.assign("sleep", "1000", uid=uid, desired="Stopped", stop={"gracePeriod": 0})
        agent.wait_for(uid, "Completed", timeout=30.0)
        assert child.wait(20) == 0
        assert "node n1 is empty" in agent.log()
    finally:
        agent.stop()
        docker_engine.remove_all(f"taskyard/cluster={agent.cluster}")


@pytest.mark.docker
@pytest.mark.etcd
def test_it_ends_at_its_deadline_or_when_asked_again_and_leaves_what_runs(
    tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine
) -> None:
    agent = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    try:
        for flags, signals in [(["--drain-timeout", "1"], 1), (["--drain-on-stop"], 2)]:
            child = agent.start(*flags)
            agent.until(lambda: (lease := agent.lease()) and not lease.draining and agent.ready())
            uid = agent.assign("sleep", "1000", uid="0123456789ab")
            agent.wait_for(uid, "Running", timeout=60.0)
            child.send_signal(signal.SIGTERM if signals == 2 else signal.SIGUSR1)
            agent.until(lambda: (lease := agent.lease()) and lease.draining)
            if signals == 2:
                child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0
            assert f"node n1 is not empty: default/task-{uid}" in agent.log()
            assert "1 containers of its node run on" in agent.log()
            assert agent.containers() == {f"ty-{uid}-1-1": "running"}
    finally:
        agent.stop()
        docker_engine.remove_all(f"taskyard/cluster={agent.cluster}")
