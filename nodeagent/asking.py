"""One HTTP GET of a container, which may be anything: no more than so many bytes, no longer than so many seconds.

What is wanted of the answer is taken from the socket under one deadline before anything looks at it: a library that
reads headers or chunks would wait anew for each of them. No redirect is followed, so nothing but the container is
asked. Called by the checks and by the reader of metrics, who say how much of the answer they want.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any, cast

from taskyard.clock import Clock

_CHUNK = 65536


class TooLarge(Exception):
    """The answer has more bytes than allowed."""


def ask(
    clock: Clock,
    place: tuple[str, int],
    request: bytes,
    *,
    longest: float,
    largest: int,
    enough: Callable[[bytes], bool],
) -> bytes:
    """What was sent until it was `enough` or the other side closed; connecting included, within `longest` seconds.

    Raises TooLarge, TimeoutError, and OSError from the connection."""
    deadline = clock.monotonic() + longest

    def left() -> float:
        rest = deadline - clock.monotonic()
        if rest <= 0:
            raise TimeoutError
        return rest

    received = bytearray()
    with socket.create_connection(place, left()) as connection:
        connection.settimeout(left())
        connection.sendall(request)
        while chunk := connection.recv(_CHUNK):
            received += chunk
            if len(received) > largest:
                raise TooLarge
            if enough(bytes(received)):
                break
            connection.settimeout(left())
    return bytes(received)


def get(address: str, port: int, path: str, *headers: str) -> bytes:
    """The request, after which the connection is closed."""
    host = f"[{address}]" if ":" in address else address
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "User-Agent: taskyard", "Connection: close", *headers)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def parsed(raw: bytes) -> http.client.HTTPResponse:
    """Its head has been read. Raises HTTPException or ValueError for what is not HTTP."""
    answer = http.client.HTTPResponse(cast(socket.socket, _Received(raw)))
    answer.begin()
    return answer


class _Received:
    """What http.client wants of a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._raw)
