"""The cluster of three hosts: started and ended as one, repaired between tests, asked through its API.

One per name and machine: a lock in its folder keeps a second one out.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import docker.errors
import requests

from chaos import leftovers
from chaos.daemon import Daemon, Record
from chaos.gateway import Member, MemberUnavailable
from chaos.host import API_PORT, CLIENT_PORT, Address, Host
from chaos.network import Namespace, join
from taskyard import keys
from taskyard.local import packages
from taskyard.local.errors import LocalError
from taskyard.store.api import Listing

T = TypeVar("T")
Tasks = list[dict[str, Any]]
"""As the API shows them."""
Containers = list[dict[str, Any]]
"""As Docker lists them."""
VARIABLE = "TASKYARD_CHAOS_NAME"
"""Another name than `tychaos` makes a second cluster beside a first."""
_HOSTS = [Address("h1", "10.87.0.11"), Address("h2", "10.87.0.12"), Address("h3", "10.87.0.13")]
_PLANES = ("h1", "h2")
_REQUEST_TIMEOUT = 10.0


class Timeout(AssertionError):
    """A condition did not hold in time; the message carries what was seen instead."""


class Cluster:
    """Inert until `start`; `stop` leaves nothing behind. Its name is also the label of its containers.

    `small_disks`: the last host keeps its data on small disks, to be filled up; they are in memory, and so faster.
    """

    def __init__(self, name: str = "", *, small_disks: bool = False) -> None:
        self.name = name or os.environ.get(VARIABLE, "") or "tychaos"
        self.folder = Path("/tmp") / self.name
        record = Record(self.folder / "processes")
        self.hosts = [
            Host(
                self.name,
                address,
                _HOSTS,
                self.folder / address.name,
                record,
                plane=address.name in _PLANES,
                small_disks=small_disks and address is _HOSTS[-1],
            )
            for address in _HOSTS
        ]
        self._switch = Namespace(f"{self.name}-switch")
        self._lock: IO[str] | None = None
        self._answered = ""
        self.started_in = 0.0
        """Seconds."""

    @property
    def planes(self) -> list[Host]:
        return [host for host in self.hosts if host.has_plane]

    @property
    def daemons(self) -> list[Daemon]:
        return [daemon for host in self.hosts for daemon in host.daemons]

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def start(self) -> None:
        """Raises LocalError with what is missing, or the last words of what did not start."""
        began = time.monotonic()
        if os.geteuid() != 0:
            raise LocalError("several hosts on one machine take network namespaces", hint="run as root")
        needed = [packages.ETCD, packages.DOCKER, packages.IPTABLES, packages.BUSYBOX, packages.IPROUTE]
        self.lock()
        try:
            packages.ensure(needed, self.folder / "apt.log", print)
            leftovers.remove(self.name, self.folder)
            join(self._switch, [(host.namespace, f"{host.ip}/24") for host in self.hosts])
            for host in self.hosts:
                host.prepare()
                host.etcd.start()
            _each(self.hosts, _start_docker)
            _each(self.hosts, lambda host: host.etcd.wait_ready())
            self._start_planes_and_agents()
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - began

    def stop(self) -> None:
        for daemon in self.daemons:
            daemon.kill()
        with suppress(LocalError):
            _each(self.hosts, lambda host: host.end_docker())
        leftovers.remove(self.name, self.folder)
        self.unlock()

    def repair(self, timeout: float = 60.0) -> None:
        """Everything runs, is reached and is ready, and there are no tasks. Raises what went wrong."""
        for host in self.hosts:
            host.heal()
        for daemon in self.daemons:
            if daemon.altered:
                daemon.kill()
            elif daemon.running:
                daemon.resume()
        for host in self.hosts:
            if not host.live_restore:
                host.dockerd.kill()
                host.live_restore = True
                host.lost_containers = True
        for daemon in self.daemons:
            if not daemon.running:
                daemon.start()
        self.wait_ready(timeout)
        self.delete_all(timeout)
        for host in self.hosts:
            if any(entry.key == keys.node_spec(host.name) for entry in self.list(keys.node_prefix(host.name)).entries):
                self.cordon(host.name, False)
            if host.lost_containers:
                host.start_foreign()
                host.lost_containers = False

    def wait_ready(self, timeout: float = 60.0) -> None:
        for daemon in self.daemons:
            daemon.wait_ready(timeout)
        names = [host.name for host in self.hosts]
        self.until(lambda: all(self.node_ready(name) for name in names), timeout, "all nodes are ready")

    def delete_all(self, timeout: float = 60.0) -> None:
        """Every task, and with it every container of the cluster."""
        for item in self.tasks():
            self.call("DELETE", f"/tasks/{item['metadata']['name']}")
        self.until(lambda: not self.tasks(), timeout, "all tasks are gone")
        self.until(lambda: not self.containers(), timeout, "all containers are gone")

    def call(self, method: str, path: str, body: object = None, *, at: Host | None = None) -> tuple[int, Any]:
        """One request to the control plane of `at`, or to one that answers; (0, None): none did."""
        for host in [at] if at is not None else sorted(self.planes, key=lambda one: one.name != self._answered):
            connection = host.connection(API_PORT, _REQUEST_TIMEOUT)
            try:
                connection.connect()
            except OSError:
                continue
            try:
                connection.request(method, path, json.dumps(body) if body is not None else None, _JSON)
                answer = connection.getresponse()
                raw = answer.read()
            except (OSError, http.client.HTTPException):
                if method == "GET":
                    continue
                return 0, None
            finally:
                connection.close()
            if answer.status == 503 and at is None:
                continue
            self._answered = host.name
            return answer.status, json.loads(raw) if raw else None
        return 0, None

    def apply(self, *manifests: dict[str, Any], at: Host | None = None) -> None:
        documents = [{"source": f"chaos:{index}", "object": manifest} for index, manifest in enumerate(manifests)]
        status, answer = self.call("POST", "/apply", {"documents": documents}, at=at)
        if status != 200:
            raise AssertionError(f"the apply was answered with {status}: {answer}")

    def wait_accepted(self, manifest: dict[str, Any], timeout: float = 60.0, *, at: Host | None = None) -> None:
        """Asks again and again, as a user would, until it is there."""
        name = manifest["metadata"]["name"]
        self.until(
            lambda: self.call("POST", "/tasks", manifest, at=at)[0] in (201, 409), timeout, f"{name} is accepted"
        )

    def task(self, name: str) -> dict[str, Any] | None:
        status, answer = self.call("GET", f"/tasks/{name}")
        return answer if status == 200 else None

    def tasks(self) -> Tasks:
        status, answer = self.call("GET", "/tasks")
        if status != 200:
            raise AssertionError(f"no control plane listed the tasks: {status} {answer}")
        items: Tasks = answer["items"]
        return items

    def wait_state(self, name: str, state: str, timeout: float = 60.0) -> dict[str, Any]:
        def seen() -> dict[str, Any] | None:
            task = self.task(name)
            return task if task is not None and task["status"]["state"] == state else None

        return self.until(seen, timeout, f"task {name} is {state}")

    def wait_running(self, names: Iterable[str], timeout: float = 60.0) -> dict[str, dict[str, Any]]:
        """Each is Running, in one container that runs, and nothing else of the cluster runs. The tasks by name."""
        wanted = set(names)

        def seen() -> dict[str, dict[str, Any]] | None:
            tasks = {item["metadata"]["name"]: item for item in self.tasks()}
            if set(tasks) != wanted or any(item["status"]["state"] != "Running" for item in tasks.values()):
                return None
            running = sorted(container["Id"] for container in self.containers(running=True))
            return tasks if running == sorted(item["status"]["containerId"] for item in tasks.values()) else None

        return self.until(seen, timeout, f"{', '.join(sorted(wanted))} run, each in one container")

    def gone(self, name: str) -> bool:
        """Whether there is no task of that name, by an API that answers."""
        return self.call("GET", f"/tasks/{name}")[0] == 404

    def delete(self, name: str) -> None:
        status, answer = self.call("DELETE", f"/tasks/{name}")
        assert status in (200, 202, 204), f"deleting {name}: {status} {answer}"

    def cordon(self, node: str, cordoned: bool) -> None:
        """Whether nothing new is placed there."""
        status, answer = self.call("PATCH", f"/nodes/{node}", {"spec": {"cordoned": cordoned}})
        assert status in (200, 201), f"cordoning {node}: {status} {answer}"

    def node_ready(self, name: str) -> bool:
        status, answer = self.call("GET", f"/nodes/{name}")
        return status == 200 and bool(answer["status"]["ready"])

    def containers(self, uid: str = "", *, running: bool = False) -> Containers:
        """On all hosts. Raises AssertionError when a dockerd does not answer."""
        try:
            return [one for host in self.hosts for one in host.containers(uid, running=running)]
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise AssertionError(f"a dockerd does not answer: {error}") from error

    def member(self, host: Host) -> Member:
        return Member(host.namespace, host.ip, CLIENT_PORT)

    def etcd_leader(self) -> Host | None:
        """The member that leads and knows it; None while there is none."""
        found = []
        for host in self.hosts:
            with suppress(MemberUnavailable):
                status = self.member(host).status()
                found += [(status.term, host)] if status.leads else []
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def lead_etcd(self, host: Host) -> None:
        """Has this host's member lead."""

        def leads() -> bool:
            leader = self.etcd_leader()
            if leader is not None and leader is not host:
                with suppress(MemberUnavailable):
                    self.member(leader).lead(self.member(host).status().member)
            return leader is host

        self.until(leads, 30.0, f"etcd on {host.name} leads")

    def list(self, prefix: str) -> Listing:
        """Straight from etcd, linearizable, from any member that can tell."""
        for host in self.hosts:
            with suppress(MemberUnavailable):
                return self.member(host).list(prefix)
        raise AssertionError("no etcd member answers")

    def plane_leader(self, role: str = "scheduler") -> Host | None:
        """The host whose control plane leads; None while none of the two does."""
        for entry in self.list(keys.leader(role)).entries:
            identity = json.loads(entry.value)["identity"]
            for host in self.planes:
                if host.controlplane.running and f"-{host.controlplane.pid}-" in identity:
                    return host
        return None

    def until(self, condition: Callable[[], T | None], timeout: float, what: str) -> T:
        """The first value that is true. An AssertionError inside counts as not yet."""
        deadline = time.monotonic() + timeout
        trouble = ""
        while True:
            try:
                if value := condition():
                    return value
                trouble = ""
            except AssertionError as error:
                trouble = f"; {error}"
            if time.monotonic() > deadline:
                raise Timeout(f"not within {timeout:.0f} s: {what}{trouble}\n{self.describe()}")
            time.sleep(0.05)

    def describe(self) -> str:
        """How things are, for the message of a failure."""
        lines = []
        with suppress(AssertionError):
            lines += [f"task {item['metadata']['name']}: {item['status']}" for item in self.tasks()]
        for daemon in self.daemons:
            state = "frozen" if daemon.frozen else "runs" if daemon.running else "does not run"
            lines.append(f"--- {daemon.name} {state}; {daemon.log}")
            if daemon.log.exists() and not daemon.name.startswith(("dockerd", "etcd")):
                lines += daemon.log.read_text(errors="replace").splitlines()[-12:]
        return "\n".join(lines)

    def _start_planes_and_agents(self) -> None:
        for host in self.planes:
            host.controlplane.start()
        for host in self.hosts:
            host.agent.start()
        self.wait_ready()

    def lock(self) -> None:
        """Raises LocalError when another process has the cluster."""
        self.folder.mkdir(exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalError(
                f"the cluster {self.name} is in use by another process",
                hint=f"wait until that has ended, or give this one a name of its own with {VARIABLE}",
            ) from error

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


_JSON = {"Content-Type": "application/json"}


def _start_docker(host: Host) -> None:
    host.dockerd.start()
    host.dockerd.wait_ready()
    host.load_image()
    host.start_foreign()


def _each(hosts: list[Host], action: Callable[[Host], None]) -> None:
    """At once on all of them; the first error is raised."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(action, hosts))
