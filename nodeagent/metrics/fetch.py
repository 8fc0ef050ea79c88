"""One GET of a container, which may be anything: no more than so many bytes, no longer than so many seconds.

The whole answer is taken from the socket under one deadline before anything looks at it: a library that reads headers
or chunks would wait anew for each of them. No redirect is followed, so nothing but the container is asked.
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any, cast

from taskyard.clock import Clock

LONGEST = 3.0
"""Seconds."""
LARGEST = 1024 * 1024
"""Bytes, headers included."""
_CHUNK = 65536


class Unreadable(Exception):
    """The message says why, in few words that are the same for the same fault."""


def fetch(clock: Clock, address: str, port: int, path: str, *, longest: float = LONGEST, largest: int = LARGEST) -> str:
    """The body of a 200. Raises Unreadable."""
    try:
        raw = _exchange(clock, (address, port), _request(address, port, path), clock.monotonic() + longest, largest)
    except ConnectionRefusedError as error:
        raise Unreadable("connection refused") from error
    except TimeoutError as error:
        raise Unreadable("no answer in time") from error
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from error
    answer = http.client.HTTPResponse(cast(socket.socket, _Received(raw)))
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError) as error:
        raise Unreadable("the answer is not HTTP") from error
    if answer.status != 200:
        raise Unreadable(f"HTTP status {answer.status}")
    if answer.getheader("Content-Encoding", "identity") != "identity":
        raise Unreadable("the answer is compressed, which was not asked for")
    return body.decode("utf-8", "replace")


def _request(address: str, port: int, path: str) -> bytes:
    host = f"[{address}]" if ":" in address else address
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Accept: text/plain;version=0.0.4",
        "Accept-Encoding: identity",
        "User-Agent: taskyard",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _exchange(clock: Clock, place: tuple[str, int], request: bytes, deadline: float, largest: int) -> bytes:
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
                raise Unreadable(f"the answer has more than {largest // 1024} KiB")
            if _is_whole(received):
                break
            connection.settimeout(left())
    return bytes(received)


_LENGTH = b"\r\ncontent-length:"


def _is_whole(received: bytearray) -> bool:
    """For those who leave the connection open all the same: as far as the answer says how long it is."""
    head, found, body = bytes(received).partition(b"\r\n\r\n")
    if not found:
        return False
    lowered = head.lower()
    if _LENGTH in lowered:
        length = lowered.partition(_LENGTH)[2].partition(b"\r\n")[0].strip()
        return length.isdigit() and len(length) < 10 and len(body) >= int(length)
    return b"\r\ntransfer-encoding: chunked" in lowered and body.endswith(b"0\r\n\r\n")


class _Received:
    """What http.client wants of a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._raw)
