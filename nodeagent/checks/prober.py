"""Asks a container how it is: HTTP and TCP from here to its own address, commands within it by the runtime."""

from __future__ import annotations

import socket
from typing import Protocol

import urllib3

from nodeagent.runtime.port import ContainerInfo, Runtime, RuntimeRefused
from taskyard.objects import Check
from taskyard.quantity import seconds


class Prober(Protocol):
    def probe(self, container: ContainerInfo, check: Check) -> str:
        """Empty when it passes, else why not. Ends within the check's timeout. Raises RuntimeUnavailable."""
        ...


class NetworkProber(Prober):
    """A container without an address of its own is on the node's network."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def probe(self, container: ContainerInfo, check: Check) -> str:
        timeout = seconds(check.timeout)
        address = container.address or "127.0.0.1"
        if check.http is not None:
            return _get(address, check.http.port, check.http.path, timeout)
        if check.tcp is not None:
            return _connect(address, check.tcp.port, timeout)
        try:
            code = self._runtime.run(container.id, tuple(check.command), timeout)
        except RuntimeRefused as error:
            return str(error)
        return "" if code == 0 else "it took too long" if code is None else f"exit code {code}"


def _get(address: str, port: int, path: str, timeout: float) -> str:
    host = f"[{address}]" if ":" in address else address
    try:
        # A pool of its own: nothing may keep a connection to a container that is about to be replaced.
        with urllib3.HTTPConnectionPool(host, port, timeout=urllib3.Timeout(total=timeout)) as pool:
            answer = pool.urlopen("GET", path, redirect=False, retries=False, preload_content=False)
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        return _short(error)
    return "" if 200 <= answer.status < 400 else f"HTTP status {answer.status}"


def _connect(address: str, port: int, timeout: float) -> str:
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError as error:
        return _short(error)
    return ""


def _short(error: Exception) -> str:
    """The same words for the same fault: equal events are counted instead of listed."""
    # First: for urllib3 a refused connection is a timeout as well.
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error):
        return "connection refused"
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
