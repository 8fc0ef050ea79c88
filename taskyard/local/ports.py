"""Which TCP ports on this machine are free, and who holds one that is not."""

from __future__ import annotations

import socket
from collections.abc import Collection

import psutil

from taskyard.local.errors import LocalError

_TRIES = 100


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free(start: int, *, host: str = "127.0.0.1", avoid: Collection[int] = ()) -> int:
    """The first free port from `start` on that is not in `avoid`."""
    for port in range(start, min(start + _TRIES, 65536)):
        if port not in avoid and is_free(port, host):
            return port
    raise LocalError(
        f"none of the ports {start} to {start + _TRIES - 1} on {host} is free", hint="name one with --port"
    )


def holder(port: int) -> str:
    """`nginx (pid 812)`, or a word for not knowing: only root sees the processes of others."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        address = tuple(connection.laddr)
        if connection.status == psutil.CONN_LISTEN and address[1:2] == (port,) and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                break
    return "another process"
