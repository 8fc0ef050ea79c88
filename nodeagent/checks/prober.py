"""Asks a container how it is: HTTP and TCP from here to its own address, commands within it by the runtime."""

from __future__ import annotations

import http.client
import socket
from typing import Protocol

from nodeagent.asking import TooLarge, ask, get, parsed
from nodeagent.runtime.port import ContainerInfo, Runtime, RuntimeRefused
from taskyard.clock import Clock
from taskyard.objects import Check
from taskyard.quantity import seconds

_LARGEST_HEAD = 256 * 1024
"""Bytes."""


class Prober(Protocol):
    def probe(self, container: ContainerInfo, check: Check) -> str:
        """Empty when it passes, else why not. Ends within the check's timeout. Raises RuntimeUnavailable."""
        ...


class NetworkProber(Prober):
    """A container without an address of its own is on the node's network."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    def probe(self, container: ContainerInfo, check: Check) -> str:
        timeout = seconds(check.timeout)
        address = container.address or "127.0.0.1"
        if check.http is not None:
            return _get(self._clock, address, check.http.port, check.http.path, timeout)
        if check.tcp is not None:
            return _connect(address, check.tcp.port, timeout)
        try:
            code = self._runtime.run(container.id, tuple(check.command), timeout)
        except RuntimeRefused as error:
            return str(error)
        return "" if code == 0 else "it took too long" if code is None else f"exit code {code}"


def _get(clock: Clock, address: str, port: int, path: str, timeout: float) -> str:
    """The status and headers are waited for, the body is not."""
    request = get(address, port, path, "Accept: */*")
    try:
        raw = ask(clock, (address, port), request, longest=timeout, largest=_LARGEST_HEAD, enough=_has_head)
        status = parsed(_without_interim(raw)).status
    except TooLarge:
        return f"the answer's headers have more than {_LARGEST_HEAD // 1024} KiB"
    except http.client.RemoteDisconnected:
        return "it closed the connection without an answer"
    except (http.client.HTTPException, ValueError):
        return "the answer is not HTTP"
    except OSError as error:
        return _short(error)
    return "" if 200 <= status < 400 else f"HTTP status {status}"


def _has_head(received: bytes) -> bool:
    """The status line and headers of the answer itself."""
    return b"\r\n\r\n" in _without_interim(received)


def _without_interim(received: bytes) -> bytes:
    """Heads of status 1xx come before the answer's own."""
    while received[:5] == b"HTTP/" and received[8:10] == b" 1" and b"\r\n\r\n" in received:
        received = received.partition(b"\r\n\r\n")[2]
    return received


def _connect(address: str, port: int, timeout: float) -> str:
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError as error:
        return _short(error)
    return ""


def _short(error: OSError) -> str:
    """The same words for the same fault: equal events are counted instead of listed."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or type(error).__name__
