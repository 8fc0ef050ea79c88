"""The agent as its users run it: a process on a real etcd and a real Docker Engine, killed and restarted at will."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import docker
import msgspec
import urllib3

from taskyard import keys
from taskyard.objects import Assignment, NodeLease, NodeStats, TaskSpec, TaskStatus, decode, encode, spec_hash
from taskyard.store.api import Delete, Put
from taskyard.store.etcd import EtcdStore

T = TypeVar("T")


class AgentProcess:
    """Node `n1` of a cluster of its own. Inert until `start`; `stop` leaves neither process nor container."""

    def __init__(self, folder: Path, etcd: str, docker_host: str) -> None:
        self.folder = folder
        self.cluster = uuid.uuid4().hex
        self.node = "n1"
        self.docker_host = docker_host
        self.store = EtcdStore([etcd])
        self._etcd = etcd
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, *flags: str, data: str = "data") -> subprocess.Popen[bytes]:
        command = [
            *(sys.executable, "-m", "nodeagent", "--node", self.node, "--etcd", self._etcd),
            *("--cluster", self.cluster, "--docker-host", self.docker_host, "--data-dir", str(self.folder / data)),
            *("--lease-ttl", "4", "--label", "disk=ssd", *flags),
        ]
        with (self.folder / "agent.log").open("ab") as log:
            self._child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        return self._child

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()
        self._child.wait()

    def terminate(self, timeout: float = 5.0) -> None:
        assert self._child is not None
        self._child.terminate()
        self._child.wait(timeout)

    def stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self.kill()
        self.store.close()

    def until(self, look: Callable[[], T | None], timeout: float = 20.0) -> T:
        """The first answer that is neither None nor False."""
        deadline = time.monotonic() + timeout
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"it did not happen; the agent's log ends with:\n{self.log()}"
            time.sleep(0.02)

    def log(self) -> str:
        return "\n".join((self.folder / "agent.log").read_text().splitlines()[-30:])

    def lease(self) -> NodeLease | None:
        entry = self.store.get(keys.node_lease(self.node))
        return decode(entry.value, NodeLease) if entry else None

    def ready(self) -> NodeLease:
        return self.until(lambda: ((lease := self.lease()) and not lease.suffers("RuntimeDown") and lease) or None)

    def stats(self) -> NodeStats | None:
        entry = self.store.get(keys.node_stats(self.node))
        return decode(entry.value, NodeStats) if entry else None

    def assign(self, *args: str, uid: str = "", epoch: int = 1, desired: str = "Running", **spec: Any) -> str:
        uid = uid or uuid.uuid4().hex[:12]
        task = msgspec.convert({"image": "busybox:1.35", "args": args} | spec, TaskSpec)
        assignment = Assignment(
            uid=uid,
            namespace="default",
            name=f"task-{uid}",
            epoch=epoch,
            desired="Stopped" if desired == "Stopped" else "Running",
            spec_hash=spec_hash(task),
            spec=task,
        )
        self.store.commit([], [Put(keys.assignment(self.node, uid), encode(assignment))])
        return uid

    def unassign(self, uid: str) -> None:
        self.store.commit([], [Delete(keys.assignment(self.node, uid)), Delete(keys.status(self.node, uid))])

    def status(self, uid: str) -> TaskStatus | None:
        entry = self.store.get(keys.status(self.node, uid))
        return decode(entry.value, TaskStatus) if entry else None

    def wait_for(self, uid: str, state: str, *, attempt: int = 1, timeout: float = 20.0) -> TaskStatus:
        def look() -> TaskStatus | None:
            status = self.status(uid)
            return status if status and status.state == state and status.attempt >= attempt else None

        return self.until(look, timeout)

    def events(self) -> list[str]:
        """As they are stored."""
        return [entry.value.decode() for entry in self.store.list("").entries if "/events/" in entry.key]

    def told(self, uid: str, *words: str) -> bool:
        """By an event, which is written a little later."""
        return any(f"task-{uid}" in event and all(word in event for word in words) for event in self.events())

    def containers(self) -> dict[str, str]:
        """State by name, of this agent's."""
        client = docker.APIClient(self.docker_host, version="auto")
        found = client.containers(all=True, filters={"label": f"taskyard/cluster={self.cluster}"})
        client.close()
        return {one["Names"][0].removeprefix("/"): one["State"] for one in found}

    def get(self, path: str, token: str | None = None, **fields: str) -> urllib3.BaseHTTPResponse:
        """From the agent's own API, streaming."""
        lease = self.lease()
        assert lease is not None
        return urllib3.request(
            "GET",
            f"http://{lease.address}{path}",
            fields=fields,
            headers={"Authorization": f"Bearer {lease.token if token is None else token}"},
            preload_content=False,
            timeout=10,
        )

    def logs(self, uid: str, **fields: str) -> Sequence[str]:
        return self.get(f"/logs/{uid}", **fields).read().decode().splitlines()
