"""The few questions that `up` and `down` ask of a Docker Engine, over its HTTP API.

Only what preparing and clearing a machine takes; running tasks is the agent's work (nodeagent/runtime), with docker-py.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_HOST = "unix:///var/run/docker.sock"


class EngineError(Exception):
    """The engine did not answer, or said no."""


@dataclass(frozen=True, slots=True)
class Container:
    id: str
    name: str
    state: str
    labels: Mapping[str, str]


class Engine:
    """A Docker Engine at `unix:///path` or `tcp://host:port` (without TLS)."""

    def __init__(self, host: str) -> None:
        self.host = host

    def ping(self, timeout: float = 2.0) -> bool:
        try:
            return self._call("GET", "/_ping", timeout=timeout) == b"OK"
        except EngineError:
            return False

    def version(self) -> str:
        return str(json.loads(self._call("GET", "/version"))["Version"])

    def containers(self, label: str) -> list[Container]:
        """Running or not, those that carry `key=value`."""
        query = urlencode({"all": "1", "filters": json.dumps({"label": [label]})})
        found: list[dict[str, Any]] = json.loads(self._call("GET", f"/containers/json?{query}", timeout=30.0))
        return [Container(c["Id"], c["Names"][0].lstrip("/"), c["State"], c.get("Labels") or {}) for c in found]

    def stop_container(self, container: str) -> None:
        """With the container's own stop signal and grace period. Nothing when it does not run or is gone."""
        self._call("POST", f"/containers/{container}/stop", timeout=90.0, accept=(404,))

    def remove_container(self, container: str) -> None:
        """With its anonymous volumes; kills it if it runs. Nothing when it is gone, or on its way."""
        self._call("DELETE", f"/containers/{container}?force=1&v=1", timeout=60.0, accept=(404, 409))

    def has_image(self, reference: str) -> bool:
        try:
            self._call("GET", f"/images/{quote(reference, safe='')}/json")
        except EngineError as error:
            if "HTTP 404" in str(error):
                return False
            raise
        return True

    def pull(self, name: str, tag: str, timeout: float) -> None:
        """EngineError says why it was not possible within `timeout` seconds."""
        query = urlencode({"fromImage": name, "tag": tag})
        answer = self._call("POST", f"/images/create?{query}", timeout=timeout)
        self._raise_reported(answer)

    def import_image(self, archive: IO[bytes], name: str, tag: str, changes: list[str], message: str) -> None:
        """Makes an image from a tar of its root file system; `changes` are Dockerfile lines."""
        # The tag with the name, which Podman takes as well: it does not look at `tag`.
        pairs = [("fromSrc", "-"), ("repo", f"{name}:{tag}"), ("message", message)]
        query = urlencode([*pairs, *(("changes", change) for change in changes)])
        body = archive.read()
        answer = self._call("POST", f"/images/create?{query}", body=body, timeout=60.0)
        self._raise_reported(answer)

    def _raise_reported(self, answer: bytes) -> None:
        """The engine answers 200 and then tells of its failure in the stream."""
        for line in answer.splitlines():
            report = json.loads(line) if line.strip() else {}
            if "error" in report:
                raise EngineError(f"{self.host}: {report['error']}")

    def _call(
        self, method: str, path: str, *, body: bytes | None = None, timeout: float = 10.0, accept: tuple[int, ...] = ()
    ) -> bytes:
        with self._connection(timeout) as connection:
            try:
                connection.request(method, path, body=body, headers={"Content-Type": "application/x-tar"})
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise EngineError(f"{self.host}: {method} {path.partition('?')[0]}: {error!r}") from error
        if response.status >= 400 and response.status not in accept:
            raise EngineError(f"{self.host}: HTTP {response.status}: {_message(answer)}")
        return answer

    @contextmanager
    def _connection(self, timeout: float) -> Iterator[http.client.HTTPConnection]:
        address = urlsplit(self.host)
        connection: http.client.HTTPConnection
        if address.scheme == "unix":
            connection = _UnixConnection(address.path, timeout)
        elif address.scheme in ("tcp", "http") and address.hostname:
            connection = http.client.HTTPConnection(address.hostname, address.port or 2375, timeout=timeout)
        else:
            raise EngineError(f"DOCKER_HOST={self.host}: only unix:///path and tcp://host:port are supported here")
        try:
            yield connection
        finally:
            connection.close()


def _message(answer: bytes) -> str:
    """What the engine says in its `{"message": …}`, or all of it when it is something else."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._timeout = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout)
        self.sock.connect(self._path)


def running_engine() -> Engine | None:
    """The Docker Engine that this machine offers already: DOCKER_HOST, else the usual socket. None: neither answers.

    EngineError when DOCKER_HOST is set and does not answer: whoever set it means that one and no other.
    """
    given = os.environ.get("DOCKER_HOST", "")
    engine = Engine(given or DEFAULT_HOST)
    if engine.ping():
        return engine
    if given:
        raise EngineError(f"DOCKER_HOST={given} is set, but no Docker Engine answers there")
    return None
