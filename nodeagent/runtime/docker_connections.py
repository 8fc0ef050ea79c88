"""Connections to a container engine, on a Unix socket or TCP: kept, and used again, for one request at a time each.

A blocking socket and httptools' parser: a call takes 0.02 ms of processor time, with urllib3 it takes 0.1 and with the
SDK 0.7 to 0.9. With many starts at once that is time which the engine on the same machine does not get. Used by
docker_calls.py and docker_ping.py.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools
from docker.utils import parse_host

from taskyard.exchange import Response, request_head

_CONNECT_TIMEOUT = 4.0
_PIECE = 65_536
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Connections:
    """`host` as in DOCKER_HOST; None: the SDK's default. `kept`: how many stay open at most; more may be in use. Opens
    none until the first call. Any thread may call."""

    def __init__(self, host: str | None, kept: int) -> None:
        self._address = str(parse_host(host))
        self._kept = kept
        self._idle: deque[socket.socket] = deque()

    def request(self, method: str, target: str, *, timeout: float, body: bytes = b"") -> Answer:
        """`target`: path and query; `body`: JSON. Sent once: without an answer nobody knows whether it worked.

        Raises OSError; TimeoutError where nothing came in `timeout` s."""
        connection = self._connected()
        try:
            connection.settimeout(timeout)
            headers = {"Host": "docker", **(_JSON if body else {})}
            connection.sendall(request_head(method, target, headers, body) + body)
            answer = _answer(connection)
        except BaseException:
            connection.close()
            raise
        if answer.headers.get("connection") != "close" and len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Of those that are idle."""
        while self._idle:
            self._idle.pop().close()

    def _connected(self) -> socket.socket:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break  # Another thread was quicker.
            if not _has_news(connection):
                return connection
            connection.close()
        return self._connect()

    def _connect(self) -> socket.socket:
        scheme, _, place = self._address.partition("://")
        if scheme != "http+unix":
            url = urlsplit(self._address)
            connection = socket.create_connection((url.hostname or "", url.port or 0), _CONNECT_TIMEOUT)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_CONNECT_TIMEOUT)
            connection.connect(f"/{place.lstrip('/')}")
        except OSError:
            connection.close()
            raise
        return connection


def _has_news(connection: socket.socket) -> bool:
    """The engine has closed it, or has said what nobody asked for."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _answer(connection: socket.socket) -> Answer:
    response = Response()
    parser = httptools.HttpResponseParser(response)
    while not response.complete:
        received = connection.recv(_PIECE)
        if not received:
            raise ConnectionError("it broke off its answer")
        try:
            parser.feed_data(received)
        except httptools.HttpParserError as error:
            raise ConnectionError(f"it does not speak HTTP: {error}") from error
    return Answer(int(parser.get_status_code()), response.headers, b"".join(response.pieces))
