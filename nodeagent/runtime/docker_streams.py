"""Docker's events, as an iterator that another thread can end. Made by docker.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import requests
import urllib3
from docker.errors import DockerException
from docker.types.daemon import CancellableStream

from nodeagent.runtime.docker_translate import container_event
from nodeagent.runtime.docker_wire import EventMessage
from nodeagent.runtime.port import ContainerEvent


class DockerEvents:
    """Both ends look the same to a reader: the engine's end, and close()."""

    def __init__(self, inner: CancellableStream[dict[str, object]]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[ContainerEvent]:
        # A connection that ends while it is read surfaces as any of these, by where the reader was.
        with contextlib.suppress(DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            for raw in self._inner:
                yield container_event(msgspec.convert(raw, EventMessage))

    def close(self) -> None:
        # The SDK reaches through three libraries for the socket, which is gone once the answer was read to its end.
        with contextlib.suppress(AttributeError, OSError, DockerException):
            self._inner.close()
