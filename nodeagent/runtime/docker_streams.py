"""Docker's endless answers: events and logs, as iterators that another thread can end. Made by docker.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec
import requests
import urllib3
from docker.errors import DockerException
from docker.types.daemon import CancellableStream

from nodeagent.runtime.docker_translate import container_event
from nodeagent.runtime.docker_wire import EventMessage
from nodeagent.runtime.port import ContainerEvent

T = TypeVar("T")


class _Stream(Generic[T]):
    """Both ends look the same to a reader: the container's (or the engine's) end, and close()."""

    def __init__(self, inner: CancellableStream[T]) -> None:
        self._inner = inner

    def _items(self) -> Iterator[T]:
        # A connection that ends while it is read surfaces as any of these, by where the reader was.
        with contextlib.suppress(DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            yield from self._inner

    def close(self) -> None:
        # The SDK reaches through three libraries for the socket, which is gone once the answer was read to its end.
        with contextlib.suppress(AttributeError, OSError, DockerException):
            self._inner.close()


class DockerLogs(_Stream[bytes]):
    def __iter__(self) -> Iterator[bytes]:
        return self._items()


class DockerEvents(_Stream[dict[str, object]]):
    def __iter__(self) -> Iterator[ContainerEvent]:
        for raw in self._items():
            yield container_event(msgspec.convert(raw, EventMessage))
