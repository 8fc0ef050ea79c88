"""A real cluster as its users run it: etcd, a control plane and an agent, each a process, killed and restarted at will.

Scenario tests and benchmarks start it. Docker is the caller's (the docker_engine fixture, or one that runs already).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import urllib3

from taskyard.local.etcd import EtcdServer
from tests.support.docker_engine import DockerEngine

T = TypeVar("T")
ROLES = ("etcd", "controlplane", "agent")


class Timeout(AssertionError):
    """A condition did not hold in time; the message carries the last thing seen."""


class LiveCluster:
    """Processes on free loopback ports with their state in `folder`; inert until `start`, and `stop` leaves nothing."""

    def __init__(
        self,
        folder: Path,
        docker_host: str,
        *,
        node: str = "n1",
        agent_flags: Iterable[str] = (),
        plane_flags: Iterable[str] = (),
        manifests: Path | None = None,
    ) -> None:
        self.folder = folder
        self.docker_host = docker_host
        self.node = node
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.etcd = EtcdServer(folder / "etcd", client_port=free_port(), peer_port=free_port())
        self._agent_flags, self._plane_flags = list(agent_flags), list(plane_flags)
        self._manifests = ["--manifests", str(manifests)] if manifests else []
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=30))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.etcd.start()
        self.etcd.wait_ready()
        for role in ("controlplane", "agent"):
            self.launch(role)
        self.wait_ready()

    def wait_ready(self, timeout: float = 90) -> None:
        """Until the control plane is ready and the node has registered."""
        self.until(lambda: self.node_ready(), timeout, "the node is ready")

    def stop(self) -> None:
        """Ends every process and removes this cluster's containers."""
        for role in list(self._children):
            self.terminate(role)
        self.etcd.stop()
        DockerEngine(self.docker_host, 0).remove_all(f"taskyard/cluster={self.name}")
        for watchdog in self.watchdogs():
            # It would end by itself; one whose agent was killed waits for another for a while.
            watchdog.kill()
            watchdog.wait(5)
        self._http.clear()

    def add_agent(self, node: str) -> str:
        """Another agent on the same Docker, which labels keep apart; the name of its role, for kill and restart."""
        role = f"agent-{node}"
        self.launch(role)
        self.until(lambda: self.node_ready(node), 30, f"node {node} is ready")
        return role

    def launch(self, role: str) -> None:
        """`controlplane`, `agent`, or `agent-<node>` for one more."""
        command = self._controlplane() if role == "controlplane" else self._agent(role)
        log = (self.folder / f"{role}.log").open("ab")
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        self._children[role] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        log.close()

    def pid(self, role: str) -> int:
        return self._children[role].pid

    def kill(self, role: str) -> None:
        """kill -9, as a machine's out-of-memory killer would."""
        if role == "etcd":
            self.etcd.kill()
            return
        child = self._children.pop(role)
        child.send_signal(signal.SIGKILL)
        child.wait()

    def terminate(self, role: str) -> None:
        child = self._children.pop(role)
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            # What each of its threads does, into its log (PYTHONFAULTHANDLER).
            child.send_signal(signal.SIGABRT)
            child.wait()
            raise AssertionError(f"{role} did not end within 20 s of SIGTERM:\n{self.log(role)}") from None

    def restart(self, role: str) -> None:
        if role == "etcd":
            self.etcd.start()
            self.etcd.wait_ready()
        else:
            self.launch(role)

    def log(self, role: str) -> str:
        """The last lines of a process's output."""
        return "\n".join((self.folder / f"{role}.log").read_text(errors="replace").splitlines()[-100:])

    def data_dir(self, role: str) -> Path:
        return self.folder / role

    def watchdogs(self, role: str = "") -> list[psutil.Process]:
        """Those of all agents, or of one."""
        folder = str(self.data_dir(role) if role else self.folder)
        found = []
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if "nodeagent.watchdog" in command and any(part.startswith(folder) for part in command):
                found.append(process)
        return found

    def inspect(self, container: str) -> dict[str, Any]:
        return self._docker().inspect(container)

    def remove_container(self, container: str) -> None:
        """As somebody else would."""
        self._docker().remove_container(container)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request; status and parsed JSON. Status 0 while nothing listens."""
        try:
            answer = self._http.request(method, self.url + path, json=body)
        except urllib3.exceptions.HTTPError:
            return 0, None
        return answer.status, answer.json() if answer.data else None

    def http_text(self, path: str) -> str:
        """A plain-text answer of the API, whole."""
        return self._http.request("GET", self.url + path).data.decode()

    def apply(self, *manifests: dict[str, Any]) -> None:
        documents = [{"source": f"test:{index}", "object": manifest} for index, manifest in enumerate(manifests)]
        status, answer = self.call("POST", "/apply", {"documents": documents})
        assert status == 200, answer

    def delete(self, *tasks: str) -> None:
        status, answer = self.call("POST", "/delete", {"objects": [{"kind": "Task", "name": name} for name in tasks]})
        assert status == 200, answer

    def task(self, name: str) -> dict[str, Any] | None:
        status, answer = self.call("GET", f"/tasks/{name}")
        return answer if status == 200 else None

    def tasks(self) -> list[dict[str, Any]]:
        status, answer = self.call("GET", "/tasks")
        return answer["items"] if status == 200 else []

    def state(self, name: str) -> str:
        task = self.task(name)
        return task["status"]["state"] if task else ""

    def node_ready(self, node: str = "") -> bool:
        status, answer = self.call("GET", f"/nodes/{node or self.node}")
        return status == 200 and bool(answer["status"]["ready"])

    def wait_state(self, name: str, state: str, timeout: float = 30) -> dict[str, Any]:
        def seen() -> dict[str, Any] | None:
            task = self.task(name)
            return task if task and task["status"]["state"] == state else None

        return self.until(seen, timeout, f"task {name} is {state}, not {self.task(name)}")

    def containers(self, uid: str = "", *, running: bool = False) -> list[str]:
        """Ids of this cluster's containers, as Docker tells them."""
        labels = [f"taskyard/cluster={self.name}"] + ([f"taskyard/uid={uid}"] if uid else [])
        return self._docker().containers(labels, running=running)

    def until(self, condition: Callable[[], T | None], timeout: float, what: str) -> T:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            self._check_alive(what)
            time.sleep(0.05)
        tasks = "\n".join(f"{item['metadata']['name']}: {item['status']}" for item in self.tasks())
        tail = "\n".join(f"--- {role}\n{self.log(role)}" for role in self._children)
        raise Timeout(f"not within {timeout:.0f} s: {what}\n{tasks}\n{tail}")

    def _check_alive(self, what: str) -> None:
        for role, child in self._children.items():
            if child.poll() is not None:
                raise AssertionError(f"{role} ended by itself ({child.returncode}), awaiting: {what}\n{self.log(role)}")

    def _controlplane(self) -> list[str]:
        return [
            *(sys.executable, "-m", "controlplane", "--etcd", self.etcd.endpoint),
            *("--host", "127.0.0.1", "--port", str(self.port), *self._manifests, *self._plane_flags),
        ]

    def _agent(self, role: str) -> list[str]:
        node = role.removeprefix("agent-") if role != "agent" else self.node
        return [
            *(sys.executable, "-m", "nodeagent", "--etcd", self.etcd.endpoint, "--node", node),
            *("--docker-host", self.docker_host, "--cluster", self.name),
            *("--data-dir", str(self.folder / role), "--listen", "127.0.0.1:0", *self._agent_flags),
        ]

    def _docker(self) -> Docker:
        return Docker(self.docker_host)


class Docker:
    """What Docker itself says, past everything of ours."""

    def __init__(self, host: str) -> None:
        self._host = host

    def containers(self, labels: list[str], *, running: bool) -> list[str]:
        filters = [argument for label in labels for argument in ("--filter", f"label={label}")]
        scope = [] if running else ["-a"]
        return self._run("ps", "-q", "--no-trunc", *scope, *filters).split()

    def remove_container(self, container: str) -> None:
        self._run("rm", "-f", container)

    def inspect(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._run("inspect", container))[0]
        return found

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "-H", self._host, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
