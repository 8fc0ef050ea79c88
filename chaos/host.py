"""One host of the cluster: its place in the network, its four programs, and what Docker on it says.

What a program's command line is stands here; when each is started and ended is the cluster's affair.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from chaos import freezer, leftovers
from chaos.daemon import Daemon, Record
from chaos.disk import SmallDisk
from chaos.network import Cut, HttpConnection, Namespace
from taskyard.local import demo_image
from taskyard.local.dockerd import Dockerd
from taskyard.local.etcd import executable as etcd_executable

CLIENT_PORT, PEER_PORT, API_PORT, AGENT_PORT = 2379, 2380, 8080, 7070
LEASE = 10.0
"""Seconds; the agent's default."""
SMALL_DISKS: Mapping[str, int] = {"etcd": 384, "agent": 1, "docker/data": 256}
"""Folders of a host that lie on disks of their own where such are asked for, and their size in MiB. etcd alone sets
128 MiB aside for its write-ahead log."""


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is the node's, the etcd member's and the host's."""

    name: str
    ip: str


class Host:
    """Inert; `others` are all hosts of the cluster, this one among them."""

    def __init__(
        self,
        cluster: str,
        address: Address,
        others: Sequence[Address],
        folder: Path,
        record: Record,
        *,
        plane: bool,
        small_disks: bool,
    ) -> None:
        self.name, self.ip = address.name, address.ip
        self.cluster = cluster
        self.folder = folder
        self.namespace = Namespace(f"{cluster}-{self.name}")
        self.cgroup = f"/{cluster}/{self.name}"
        self.live_restore = True
        """Read when dockerd is started."""
        self.lost_containers = False
        """A dockerd without live-restore was killed here, and every container with it."""
        self._others = others
        self._dockerd = Dockerd(folder / "docker", network=self.namespace.path, log=folder / "dockerd.log")
        self.dockerd = Daemon(
            f"dockerd on {self.name}",
            self._dockerd_argv,
            log=folder / "dockerd.log",
            record=record,
            ready=lambda: self._dockerd.engine.ping(),
            prepare=self._dockerd.prepare,
        )
        self.etcd = Daemon(
            f"etcd on {self.name}",
            self._etcd_argv,
            log=folder / "etcd.log",
            record=record,
            ready=lambda: self.answers(CLIENT_PORT, "/health", b'"health":"true"'),
        )
        self.agent = Daemon(
            f"agent on {self.name}",
            self._agent_argv,
            log=folder / "agent.log",
            record=record,
            ready=lambda: self.answers(AGENT_PORT, "/healthz"),
        )
        self.controlplane = Daemon(
            f"control plane on {self.name}",
            self._plane_argv,
            log=folder / "controlplane.log",
            record=record,
            ready=lambda: self.answers(API_PORT, "/readyz"),
        )
        self.has_plane = plane
        self.disks = {name: SmallDisk(folder / name, size) for name, size in SMALL_DISKS.items() if small_disks}
        """By folder."""

    @property
    def daemons(self) -> list[Daemon]:
        return [self.dockerd, self.etcd, *([self.controlplane] if self.has_plane else []), self.agent]

    @property
    def docker_host(self) -> str:
        return f"unix://{self._dockerd.socket}"

    @property
    def endpoints(self) -> list[str]:
        """etcd's, its own member first."""
        mine = [f"{self.ip}:{CLIENT_PORT}"]
        return mine + [f"{other.ip}:{CLIENT_PORT}" for other in self._others if other.ip != self.ip]

    def prepare(self) -> None:
        self.folder.mkdir()
        for disk in self.disks.values():
            disk.mount()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All of it, with its containers, as a paused virtual machine, until the end of the block."""
        with freezer.frozen(self.cgroup, [process.pid for process in leftovers.naming(self.folder)]):
            yield

    def cut(self, how: Cut = "both") -> None:
        """From the other hosts; what runs on it goes on reaching itself."""
        self.namespace.cut(how)

    def heal(self) -> None:
        self.namespace.heal()

    def connection(self, port: int, timeout: float) -> HttpConnection:
        """To a server on this host, made on this host, so that a cut does not touch it."""
        return HttpConnection(self.namespace, self.ip, port, timeout)

    def answers(self, port: int, path: str, content: bytes = b"") -> bool:
        connection = self.connection(port, 2.0)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status == 200 and content in answer.read()
        except OSError:
            return False
        finally:
            connection.close()

    def load_image(self) -> None:
        demo_image.ensure(self._dockerd.engine, pull_timeout=0)

    @contextmanager
    def docker(self) -> Iterator[docker.APIClient]:
        """Docker's own words, past everything of ours."""
        client = docker.APIClient(base_url=self.docker_host, version="1.41", timeout=20)
        try:
            yield client
        finally:
            client.close()

    def kill_container(self, container: str) -> None:
        """As somebody else would."""
        with self.docker() as client:
            client.kill(container)

    def remove_container(self, container: str) -> None:
        with self.docker() as client:
            client.remove_container(container, force=True)

    def containers(self, uid: str = "", *, running: bool = False) -> list[dict[str, Any]]:
        """This cluster's containers on this host, as Docker lists them."""
        labels = [f"taskyard/cluster={self.cluster}"] + ([f"taskyard/uid={uid}"] if uid else [])
        with self.docker() as client:
            found = client.containers(all=not running, filters={"label": labels})
        return [one for one in found if one["Names"][0].startswith("/ty-")]

    def inspect(self, container: str) -> dict[str, Any]:
        with self.docker() as client:
            found: dict[str, Any] = client.inspect_container(container)
        return found

    def start_foreign(self) -> None:
        """Somebody else's containers, one of which bears labels like ours; started again where they were lost."""
        imitation = {"taskyard/cluster": self.cluster, "taskyard/node": self.name, "taskyard/uid": "0123456789ab"}
        with self.docker() as client:
            for name, labels in {"database": {}, "imitation": imitation}.items():
                if name not in self.foreign():
                    self.create_foreign(name, labels)
                client.start(name)

    def create_foreign(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        """Its id. It is not started."""
        command = ["sleep", "100000"]
        with self.docker() as client:
            config = client.create_host_config(network_mode="none")
            made = client.create_container(
                demo_image.REFERENCE, command, name=name, labels=dict(labels or {}), host_config=config
            )
        return str(made["Id"])

    def foreign(self) -> dict[str, str]:
        """Somebody else's containers: name to id and last start."""
        with self.docker() as client:
            names = [one["Names"][0].lstrip("/") for one in client.containers(all=True)]
            found = [client.inspect_container(name) for name in names if not name.startswith("ty-")]
        return {one["Name"].lstrip("/"): f"{one['Id']} {one['State']['StartedAt']}" for one in found}

    def end_docker(self) -> None:
        """dockerd, containerd, every container and mount."""
        self.dockerd.resume()
        self._dockerd.stop(grace=5.0)
        self.dockerd.kill()
        self._dockerd.purge()

    def _dockerd_argv(self) -> list[str]:
        self._dockerd.live_restore = self.live_restore
        groups = ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", self.cgroup]
        return [*self._dockerd.argv(), *groups]

    def _etcd_argv(self) -> list[str]:
        client, peer = f"http://{self.ip}:{CLIENT_PORT}", f"http://{self.ip}:{PEER_PORT}"
        members = ",".join(f"{other.name}=http://{other.ip}:{PEER_PORT}" for other in self._others)
        return self.namespace.inside(
            etcd_executable(),
            *("--name", self.name, "--data-dir", str(self.folder / "etcd")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", members, "--initial-cluster-token", self.cluster),
            *("--heartbeat-interval", "100", "--election-timeout", "1000"),
            "--pre-vote",  # as from etcd 3.5 on: a member that was cut off does not depose the leader when it is back
            *("--logger", "zap", "--log-outputs", "stderr", "--log-level", "warn"),
        )

    def _agent_argv(self) -> list[str]:
        return self.namespace.inside(
            *(sys.executable, "-m", "nodeagent", "--node", self.name, "--cluster", self.cluster),
            *("--etcd", ",".join(self.endpoints), "--docker-host", self.docker_host),
            *("--data-dir", str(self.folder / "agent"), "--listen", f"{self.ip}:{AGENT_PORT}"),
            *("--label", f"host={self.name}"),
        )

    def _plane_argv(self) -> list[str]:
        return self.namespace.inside(
            *(sys.executable, "-m", "controlplane", "--etcd", ",".join(self.endpoints)),
            *("--host", self.ip, "--port", str(API_PORT)),
        )
