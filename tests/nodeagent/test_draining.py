"""An agent that is asked to drain has its tasks moved, waits for them for a while, and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.cluster.records import NodeRecord
from nodeagent import host
from nodeagent.api.door import Door
from nodeagent.api.drain import Drain
from nodeagent.api.server import Server, bind, create_app
from nodeagent.draining import to_leave
from nodeagent.emptying import Emptying, Stops
from taskyard.clock import SystemClock
from taskyard.local_agent import LocalAgent, announce
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
    assert list(left.items()) == [
        ("default/runs", "Running"), ("default/starts", "Running"), ("default/stops", "Stopping"),
    ]  # fmt: skip


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


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with host.lock_folder(tmp_path):
        yield tmp_path


class Node:
    """The part of an agent that is asked to drain, with tasks that leave when the test says so."""

    def __init__(self, folder: Path, limit: float = 60.0) -> None:
        clock = SystemClock()
        self.left = {"default/a": "Running"}
        self.stops = Stops()
        self.emptying = Emptying("n1", self.stops, clock, limit)
        bound = bind("127.0.0.1:0")
        self.server = Server(create_app({"/drain": Drain(self.emptying, Door(lambda _: (), "key"), clock)}), bound)
        self.address = f"127.0.0.1:{bound.getsockname()[1]}"
        announce(folder, LocalAgent(node="n1", address=self.address, token="key"))
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.server.start()
        self.stops.end.wait(30)
        if self.stops.drain.is_set():
            self.emptying.run(lambda: self.left)
        self.server.stop()

    def __enter__(self) -> Node:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stops.ask(drain=False)
        self.stops.now.set()
        self.thread.join()


def drained(folder: Path, *flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "taskyard", "agent", "drain", "--data-dir", str(folder), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=30)
    return child.returncode, out, err


def test_the_command_waits_for_the_node_to_be_empty_and_for_the_agent_s_end(tmp_path: Path) -> None:
    lock = host.lock_folder(tmp_path)
    with Node(tmp_path) as node:
        child = drained(tmp_path)
        assert child.stderr
        assert child.stderr.readline() == "default/a: Running\n"
        node.left = {"default/a": "Stopping"}
        assert child.stderr.readline() == "default/a: Stopping\n"
        node.left = {}
        node.thread.join(20)
        assert child.poll() is None
        lock.close()
        assert ended(child) == (0, "node/n1 drained, and its agent has ended\n", "")


def test_the_command_says_what_is_left_at_its_deadline(tmp_path: Path) -> None:
    lock = host.lock_folder(tmp_path)
    with Node(tmp_path) as node:
        child = drained(tmp_path, "--timeout", "1s")
        node.thread.join(20)
        lock.close()
        code, _, said = ended(child)
    assert code == 1
    assert "error: node/n1 is not empty: 1 of its tasks are still there: default/a" in said
    assert "hint: what is left runs on without an agent" in said


def test_the_command_that_does_not_wait_leaves_the_drain_going_on(folder: Path) -> None:
    with Node(folder) as node:
        assert ended(drained(folder, "--no-wait")) == (0, "node/n1 draining\n", "")
        assert node.thread.is_alive()
        assert node.stops.drain.is_set()
        assert drained(folder, "--timeout", "0").wait(20) == 1  # No time is left to it then.
        node.thread.join(20)
        assert not node.thread.is_alive()


def test_an_agent_that_ends_without_a_drain_is_not_asked_for_one() -> None:
    stops = Stops()
    stops.ask(drain=False)
    assert not Emptying("n1", stops, SystemClock(), 60.0).ask()
    assert not stops.drain.is_set()
    assert not stops.now.is_set()


@pytest.mark.parametrize("case", ["none", "stopped", "no word", "not its key", "gone"])
def test_the_command_without_an_agent_to_ask(tmp_path: Path, case: str) -> None:
    lock = host.lock_folder(tmp_path)
    said = {
        "none": "error: no agent runs with the data folder ",
        "stopped": "error: no agent runs with the data folder ",
        "no word": "does not say where its API is",
        "not its key": "error: the agent of node/n1 refuses: ",
        "gone": "does not answer: ",
    }
    with contextlib.ExitStack() as stack:
        stack.callback(lock.close)
        if case in ("not its key", "gone"):
            node = stack.enter_context(Node(tmp_path))
            address = node.address if case == "not its key" else "127.0.0.1:9"
            announce(tmp_path, LocalAgent(node="n1", address=address, token="another"))
        if case == "stopped":
            lock.close()
        code, _, err = ended(drained(tmp_path / "elsewhere" if case == "none" else tmp_path))
    assert code == 1
    assert said[case] in err


def test_an_announcement_that_fails_leaves_none_of_an_agent_before(folder: Path) -> None:
    announce(folder, LocalAgent(node="n1", address="127.0.0.1:9", token="before"))
    (folder / "agent.json.new").mkdir()
    with pytest.raises(IsADirectoryError):
        announce(folder, LocalAgent(node="n1", address="127.0.0.1:9", token="now"))
    assert not (folder / "agent.json").exists()


@pytest.mark.docker
@pytest.mark.etcd
@pytest.mark.parametrize("how", ["signal", "command"])
def test_it_ends_once_its_tasks_have_gone(
    tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine, how: str
) -> None:
    agent = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    child = agent.start("--drain-timeout", "60")
    try:
        agent.ready()
        uid = agent.assign("sleep", "1000", stop={"gracePeriod": 0})
        agent.wait_for(uid, "Running", timeout=60.0)
        command = None
        if how == "signal":
            os.kill(child.pid, signal.SIGUSR1)
        else:
            command = drained(tmp_path / "data")
        agent.until(lambda: (lease := agent.lease()) and lease.draining)
        assert child.poll() is None
        agent.assign("sleep", "1000", uid=uid, desired="Stopped", stop={"gracePeriod": 0})
        agent.wait_for(uid, "Completed", timeout=30.0)
        assert child.wait(20) == 0
        if command:
            code, out, err = ended(command)
            assert (code, out) == (0, "node/n1 drained, and its agent has ended\n")
            assert f"default/task-{uid}: Running" in err
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
