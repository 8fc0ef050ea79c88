"""The Runtime on Docker Engine, through the SDK's low-level client.

As few calls as Docker allows (a start is create and start, nothing else), each with its own time limit, because an
engine that hangs never answers. Those of every start, stop and look go past the SDK's layers, through docker_calls.py.
Nothing is decided here; translation is in docker_translate.py.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from enum import Enum
from urllib.parse import quote

import docker
import msgspec
from docker.errors import APIError
from msgspec.structs import replace

from nodeagent.runtime import pause_image
from nodeagent.runtime.docker_calls import DockerCalls
from nodeagent.runtime.docker_command import run_command
from nodeagent.runtime.docker_disk import disk_under
from nodeagent.runtime.docker_errors import explanation, is_name_taken, is_not_running, is_status, translated
from nodeagent.runtime.docker_networks import DockerNetworks
from nodeagent.runtime.docker_ping import Greeting, ping
from nodeagent.runtime.docker_pull import DockerTransfer
from nodeagent.runtime.docker_streams import DockerEvents
from nodeagent.runtime.docker_translate import (
    container_info,
    container_summary,
    create_body,
    familiar,
    image_info,
)
from nodeagent.runtime.docker_wire import (
    Created,
    Folders,
    Info,
    Inspected,
    InspectedImage,
    Listed,
    Version,
    Volumes,
)
from nodeagent.runtime.port import (
    MOST_IMAGES,
    PAUSE_IMAGE,
    ContainerInfo,
    ContainerSpec,
    ContainerSummary,
    EventStream,
    ImageInfo,
    ImageMissing,
    NameConflict,
    RuntimeFault,
    RuntimeRefused,
    VolumeSummary,
)
from nodeagent.runtime.process_ends import ProcessEnds

_EVENTS = ("die", "oom", "destroy", "health_status", "died", "remove")
"""The last two are what Podman wants to be asked for; it tells `died` as `die`."""


class _Limit(Enum):
    """Seconds without an answer after which a call is given up. Work waits in dockerd behind 50 others at times."""

    PROBE = 4
    LOOK = 20
    WORK = 90
    PULL = 180
    STREAM = 0


class DockerRuntime:
    """`host` as in DOCKER_HOST; empty: the SDK's default. Inert until the first call."""

    def __init__(self, host: str = "") -> None:
        self._host = host or None
        self._lock = threading.Lock()
        self._greeted = Greeting()
        self._known: Info | None = None
        self._version: Version | None = None
        self._clients: dict[_Limit, docker.APIClient] = {}
        self._calls: DockerCalls | None = None
        self._ends = ProcessEnds()
        self._networks = DockerNetworks(
            lambda: self._client(_Limit.LOOK), lambda: self._client(_Limit.WORK), _Limit.WORK.value
        )

    def describe(self) -> str:
        with translated("ping"):
            return ping(self._host, _Limit.PROBE.value).engine

    def create(self, spec: ContainerSpec) -> str:
        with translated(f"create {spec.name}"):
            try:
                self._make_volumes(spec)
                body = msgspec.json.encode(create_body(self._fitted(spec), self._disk(spec)))
                answer = self._send("POST", "/containers/create", _Limit.WORK, {"name": spec.name}, body)
                return self._held_to(spec, msgspec.json.decode(answer, type=Created))
            except APIError as error:
                if is_status(error, 404) and "image" in explanation(error).lower():
                    raise ImageMissing(f"image {spec.image} is not on this node") from error
                if is_name_taken(error):
                    raise NameConflict(explanation(error)) from error
                raise

    def start(self, container: str) -> None:
        with translated(f"start {container}"):
            self._send("POST", f"/containers/{container}/start", _Limit.WORK)
        self._ends.watch(container)

    def inspect(self, container: str) -> ContainerInfo | None:
        with translated(f"inspect {container}"):
            try:
                found = self._send("GET", f"/containers/{container}/json", _Limit.LOOK)
            except APIError as error:
                if is_status(error, 404):
                    return None
                raise
            info = container_info(msgspec.json.decode(found, type=Inspected))
        if info.pid:
            self._ends.watch(info.id, info.pid)
        return info

    def list(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        with translated("list containers"):
            filters = msgspec.json.encode({"label": _pairs(labels)}).decode()
            found = self._send("GET", "/containers/json", _Limit.LOOK, {"all": "true", "filters": filters})
            return [container_summary(one) for one in msgspec.json.decode(found, type=list[Listed])]

    def kill(self, container: str, signal: str) -> None:
        self._ends.forget(container)
        with translated(f"signal {container}"):
            try:
                self._send("POST", f"/containers/{container}/kill", _Limit.WORK, {"signal": signal})
            except APIError as error:
                if not is_status(error, 404) and not is_not_running(error):
                    raise

    def remove(self, container: str, *, force: bool) -> None:
        if force:
            self._ends.kill(container)
        else:
            self._ends.forget(container)
        with translated(f"remove {container}"):
            if force and self._is_podman():
                self.kill(container, "SIGKILL")  # It would ask what runs to end first, and wait for 10 s.
            try:
                self._send(
                    "DELETE", f"/containers/{container}", _Limit.WORK, {"v": "true", "force": str(force).lower()}
                )
            except APIError as error:
                in_progress = is_status(error, 409) and "already in progress" in explanation(error)
                if not is_status(error, 404) and not in_progress:
                    raise

    def volumes(self, labels: Mapping[str, str]) -> tuple[VolumeSummary, ...]:
        with translated("list volumes"):
            found = msgspec.convert(self._client(_Limit.LOOK).volumes(filters={"label": _pairs(labels)}), Volumes)
            return tuple(VolumeSummary(one.name, one.labels or {}) for one in found.volumes or ())

    def remove_volume(self, name: str) -> None:
        with translated(f"remove volume {name}"):
            try:
                self._client(_Limit.WORK).remove_volume(name)
            except APIError as error:
                if not is_status(error, 404):
                    raise

    def make_network(self, name: str, labels: Mapping[str, str]) -> None:
        with translated(f"create network {name}"):
            self._networks.make(name, labels)

    def networks(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        with translated("list networks"):
            return self._networks.with_labels(labels)

    def remove_network(self, name: str) -> None:
        with translated(f"remove network {name}"):
            self._networks.remove(name)

    def run(self, container: str, command: tuple[str, ...], timeout: float) -> int | None:
        with translated(f"run {command[0]}"):
            client = self._client(_Limit.LOOK)
            return run_command(client, container, command, timeout, attached=self._is_podman())

    def find_image(self, image: str) -> ImageInfo | None:
        with translated(f"inspect image {image}"):
            try:
                found = self._send("GET", f"/images/{quote(image, safe='/:')}/json", _Limit.LOOK)
            except APIError as error:
                if is_status(error, 404):
                    return None
                raise
            return image_info(image, msgspec.json.decode(found, type=InspectedImage), self._engine())

    def make_pause_image(self) -> None:
        with translated(f"make image {PAUSE_IMAGE}"):
            made = pause_image.archive(self._engine().arch)
            if made is None:
                why = f"sidecars need a machine of amd64 or arm64, and this one is of {self._engine().arch}"
                raise RuntimeRefused(why)
            client = self._client(_Limit.WORK)
            # The SDK's own import waits for ever on an engine that hangs.
            answer = client.post(
                f"{client.base_url}/v{client.api_version}/images/create",
                params={
                    "fromSrc": "-",
                    "repo": PAUSE_IMAGE,  # Its tag as well: Podman looks nowhere else for it.
                    "changes": f'ENTRYPOINT ["{pause_image.ENTRYPOINT}"]',
                },
                headers={"Content-Type": "application/tar"},
                data=made,
                timeout=_Limit.WORK.value,
            )
            if answer.status_code >= 400:
                raise RuntimeRefused(f"image {PAUSE_IMAGE} could not be made: {answer.text}")

    def remove_image(self, image: str) -> bool:
        with translated(f"remove image {image}"):
            try:
                self._client(_Limit.WORK).remove_image(image, force=False, noprune=False)
            except APIError as error:
                if is_status(error, 409):
                    return False
                if not is_status(error, 404):
                    raise
            return True

    def storage(self) -> str:
        with translated("info"):
            return str(self._client(_Limit.LOOK).info().get("DockerRootDir") or "")

    def image_names(self) -> frozenset[str]:
        with translated("list images"):
            found = sorted(self._client(_Limit.LOOK).images(), key=lambda image: -image["Created"])
            names = [familiar(name) for image in found for name in image["RepoTags"] or () if name != "<none>:<none>"]
            return frozenset(names[:MOST_IMAGES])

    def pull(self, image: str) -> DockerTransfer:
        return DockerTransfer(lambda: self._client(_Limit.PULL), image, _Limit.PULL.value)

    def folders(self, container: str) -> tuple[str, ...]:
        try:
            with translated(f"inspect {container}"):
                found = msgspec.json.decode(
                    self._send("GET", f"/containers/{container}/json", _Limit.LOOK), type=Folders
                )
        except RuntimeFault:
            return ()
        layer = found.graph_driver.data.get("UpperDir", "") if found.graph_driver and found.graph_driver.data else ""
        return tuple(folder for folder in (layer, os.path.dirname(found.log_path)) if folder)

    def free_port(self, protocol: str, address: str = "") -> int:
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, kind) as probe:
                probe.bind((address, 0))
                return int(probe.getsockname()[1])
        except OSError as error:
            where = f" on {address}" if address else ""
            raise RuntimeRefused(f"no port to publish can be had{where}: {error.strerror or error}") from error

    def events(self, labels: Mapping[str, str], since: float) -> EventStream:
        with translated("events"):
            filters = {"type": "container", "label": _pairs(labels), "event": list(_EVENTS)}
            client = self._client(_Limit.STREAM)
            return DockerEvents(client.events(since=int(since), filters=filters, decode=True))

    def ends(self) -> ProcessEnds:
        return self._ends

    def close(self) -> None:
        self._ends.close()
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
            if self._calls:
                self._calls.close()

    def _make_volumes(self, spec: ContainerSpec) -> None:
        """Those that are to have labels, which Podman does not give to one that is made with its container. What is
        there already stays as it is."""
        for mount in spec.mounts:
            if mount.labels:
                self._client(_Limit.WORK).create_volume(mount.source, labels=dict(mount.labels))

    def _fitted(self, spec: ContainerSpec) -> ContainerSpec:
        """Docker refuses a limit of more processors than it has, which limits nothing."""
        if spec.limits.cpu <= 1000 or spec.limits.cpu <= self._info().cores * 1000:
            return spec
        return replace(spec, limits=replace(spec.limits, cpu=0))

    def _disk(self, spec: ContainerSpec) -> str:
        io = spec.limits.io
        limited = io.read_rate or io.write_rate or io.read_ops or io.write_ops
        return disk_under(self._info().docker_root_dir) if limited else ""

    def _held_to(self, spec: ContainerSpec, made: Created) -> str:
        """Its id. A limit that was asked for and that the kernel does not know is no success."""
        io = [warning for warning in made.warnings or () if "Block" in warning or "IOPS" in warning]
        swap = [warning for warning in made.warnings or () if spec.limits.swap and "swap" in warning]
        if io or swap:
            self._client(_Limit.WORK).remove_container(made.id, v=True, force=True)
            raise RuntimeRefused(" ".join((*io, *swap)))
        return made.id

    def _engine(self) -> Version:
        if self._version is None:
            self._version = msgspec.convert(self._client(_Limit.LOOK).version(), Version)
        return self._version

    def _info(self) -> Info:
        if self._known is None:
            self._known = msgspec.convert(self._client(_Limit.LOOK).info(), Info)
        return self._known

    def _send(
        self, method: str, path: str, limit: _Limit, query: dict[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        if self._calls is None:
            with self._lock:
                self._calls = self._calls or DockerCalls(self._host, self._spoken())
        return self._calls.send(method, path, timeout=limit.value, query=query, body=body)

    def _spoken(self) -> str:
        """The API version: the first call to get through asks for it. Under the lock."""
        if not self._greeted.api:
            self._greeted = ping(self._host, _Limit.PROBE.value)
        return self._greeted.api

    def _is_podman(self) -> bool:
        with self._lock:
            self._spoken()
        return self._greeted.is_podman

    def _client(self, limit: _Limit) -> docker.APIClient:
        """One client for each limit."""
        known = self._clients.get(limit)
        if known:
            return known
        with self._lock:
            client = docker.APIClient(self._host, version=self._spoken(), timeout=limit.value or _Limit.LOOK.value)
            # Else each call looks for proxies in the environment and for passwords in ~/.netrc.
            client.trust_env = False
            return self._clients.setdefault(limit, client)


def _pairs(labels: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in labels.items()]
