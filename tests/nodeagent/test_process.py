"""The agent's process on a real etcd and a real Docker: what virtual time cannot show."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.store.api import Put
from tests.nodeagent.agent_process import AgentProcess

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
TALKS = ("sh", "-c", "echo one; echo two; echo three; sleep 1000")


def test_registers_runs_a_task_and_leaves_it_running(agent: AgentProcess) -> None:
    agent.start()
    lease = agent.ready()
    assert lease.labels["disk"] == "ssd"
    assert lease.capacity.cpu_millis > 0
    assert lease.runtime.startswith(("docker ", "podman "))
    uid = agent.assign("sleep", "1000", ports=[{"container": 80, "host": "auto"}])
    status = agent.wait_for(uid, "Running")
    assert status.ports[0].host > 0
    assert agent.containers() == {f"ty-{uid}-1-1": "running"}
    assert agent.get("/healthz").status == 200
    agent.terminate()
    left = agent.lease()
    assert left is not None
    assert left.stopping
    assert agent.containers() == {f"ty-{uid}-1-1": "running"}


def test_kill_9_costs_no_task_a_restart(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    stays = agent.assign("sleep", "1000")
    ends = agent.assign("sh", "-c", "sleep 1; exit 7", restart={"policy": "never"})
    before = agent.wait_for(stays, "Running")
    agent.wait_for(ends, "Running")
    agent.kill()
    agent.until(lambda: agent.containers()[f"ty-{ends}-1-1"] == "exited")
    agent.start()
    failed = agent.wait_for(ends, "Failed")
    assert failed.exit_code == 7
    assert failed.finished_at > failed.started_at
    new = agent.assign("sleep", "1000")
    agent.wait_for(new, "Running")
    assert agent.status(stays) == before


def test_an_exit_is_seen_at_once_and_restarted(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    uid = agent.assign("sh", "-c", "sleep 0.3; exit 3", restart={"backoff": {"initial": "100ms"}})
    status = agent.wait_for(uid, "Running", attempt=2)
    assert status.last_exit is not None
    assert status.last_exit.exit_code == 3


def test_a_task_is_stopped_by_its_own_signal(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    obeys = ("sh", "-c", "trap 'exit 5' USR1; while :; do sleep 0.05; done")
    uid = agent.assign(*obeys, stop={"signal": "SIGUSR1", "gracePeriod": "30s"})
    agent.wait_for(uid, "Running")
    agent.assign(*obeys, uid=uid, desired="Stopped", stop={"signal": "SIGUSR1", "gracePeriod": "30s"})
    status = agent.wait_for(uid, "Completed")
    assert (status.reason, status.exit_code) == ("Stopped", 5)
    assert agent.containers() == {}


@pytest.mark.differs_on_podman
def test_running_out_of_memory_is_told(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    eats = ("sh", "-c", "x=x; while :; do x=$x$x; done")
    uid = agent.assign(*eats, resources={"memory": "16Mi"}, restart={"policy": "never"})
    status = agent.wait_for(uid, "Failed")
    assert (status.reason, status.oom_killed) == ("OOMKilled", True)


def test_the_task_knows_itself(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    uid = agent.assign("sh", "-c", "env | grep ^TASKYARD | sort", epoch=4, restart={"policy": "never"})
    agent.wait_for(uid, "Completed")
    assert agent.logs(uid) == [
        "TASKYARD_ATTEMPT=1",
        "TASKYARD_EPOCH=4",
        "TASKYARD_NODE=n1",
        f"TASKYARD_TASK=default/task-{uid}",
        f"TASKYARD_UID={uid}",
    ]


def test_logs(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    uid = agent.assign(*TALKS)
    agent.wait_for(uid, "Running")
    agent.until(lambda: len(agent.logs(uid)) == 3)
    assert agent.logs(uid, tail="1") == ["three"]
    assert agent.logs(uid, timestamps="1")[0].endswith("Z one")
    assert agent.logs(uid, since="3600") == ["one", "two", "three"]
    assert agent.get(f"/logs/{uid}", token="wrong").status == 401
    assert agent.get("/logs/ffffffffffff").status == 410
    assert agent.get(f"/logs/{uid}", previous="1").status == 404
    assert agent.get(f"/logs/{uid}", tail="many").status == 400


@pytest.mark.differs_on_podman
def test_logs_that_are_followed_end_with_the_container_or_with_the_client(agent: AgentProcess) -> None:
    child = agent.start()
    agent.ready()
    uid = agent.assign("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done", restart={"policy": "never"})
    agent.wait_for(uid, "Running")
    assert agent.logs(uid, follow="1") == ["1", "2", "3"]
    silent = agent.assign("sleep", "1000")
    agent.wait_for(silent, "Running")
    sockets = Path(f"/proc/{child.pid}/fd")
    before = len(list(sockets.iterdir()))
    followers = [agent.get(f"/logs/{silent}", follow="1") for _ in range(20)]
    agent.until(lambda: len(list(sockets.iterdir())) >= before + 20)
    for follower in followers:
        follower.close()
    agent.until(lambda: len(list(sockets.iterdir())) < before + 10)


def test_a_second_agent_of_another_host_is_refused(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    first = agent._child
    second = agent.start(data="other")
    assert second.wait(30) == 1
    assert "another host" in agent.log()
    agent._child = first
    lease = agent.lease()
    assert lease is not None
    assert not lease.suffers("RuntimeDown")


def test_a_second_agent_in_the_same_folder_is_refused(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    first = agent._child
    assert agent.start().wait(10) == 1
    assert "another agent uses the data folder" in agent.log()
    agent._child = first


def test_an_engine_that_hangs_costs_the_node_its_readiness_but_not_its_lease(agent: AgentProcess) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(agent.folder / "hung.sock"))
    listener.listen(100)
    agent.docker_host = f"unix://{agent.folder}/hung.sock"
    agent.start()
    first = agent.until(agent.lease)
    uid = agent.assign("sleep", "1000")
    agent.until(lambda: agent.get("/healthz").status == 503)
    # Longer than the lease lives, and than two probes take to give up.
    entry = agent.store.get(keys.node_lease("n1"))
    assert entry is not None
    until = time.monotonic() + 9.0
    agent.until(lambda: time.monotonic() > until)
    after = agent.store.get(keys.node_lease("n1"))
    assert after is not None
    assert after.create_revision == entry.create_revision
    lease = agent.lease()
    assert lease is not None
    assert (lease.incarnation, lease.suffers("RuntimeDown")) == (first.incarnation, True)
    assert agent.status(uid) is None
    listener.close()
    agent.terminate()


def test_a_frozen_agent_that_wakes_up_deposed_changes_nothing(agent: AgentProcess) -> None:
    child = agent.start()
    agent.ready()
    uid = agent.assign("sleep", "1000")
    agent.wait_for(uid, "Running")
    os.kill(child.pid, signal.SIGSTOP)
    agent.until(lambda: agent.lease() is None)
    before = agent.status(uid)
    assert before is not None
    taken = agent.store.commit([], [Put(keys.node_lease("n1"), b'{"other":"host"}', agent.store.grant(60))])
    assert taken.succeeded
    os.kill(child.pid, signal.SIGCONT)
    agent.until(lambda: "is held by another host" in agent.log())
    assert agent.status(uid) == before
