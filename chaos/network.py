"""The network between the hosts: a namespace for each, and one more for the bridge that joins them.

Nothing is made in the machine's own network namespace. Cutting a host off drops packets in its own namespace, silently,
as a broken switch would.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from taskyard.local.errors import LocalError

Cut = Literal["both", "in", "out"]
"""`in`: nothing reaches the host, but what it sends arrives; `out`: the other way round."""

_FOLDER = Path("/run/netns")
_BRIDGE = "br0"
_INTERFACE = "eth0"
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace as `ip netns` keeps it."""

    name: str

    @property
    def path(self) -> Path:
        return _FOLDER / self.name

    def create(self) -> None:
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")

    def delete(self) -> None:
        """With all interfaces and rules in it. Nothing when it is not there."""
        if self.path.exists():
            run("ip", "netns", "del", self.name)

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in here; not `ip netns exec`, which hides the control groups."""
        return ["nsenter", f"--net={self.path}", "--", *command]

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection that is made from in here, for a caller that is not. Raises OSError."""
        connection = self._socket()
        try:
            connection.settimeout(timeout)
            connection.connect((host, port))
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        """Somebody in here has this port, on all addresses, until the end of the block."""
        with self._socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", port))
            listener.listen()
            yield

    def _socket(self) -> socket.socket:
        """It belongs to this namespace, wherever it is used."""
        with open("/proc/thread-self/ns/net") as own, open(self.path) as there:
            _enter(there.fileno())
            try:
                return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            finally:
                _enter(own.fileno())

    def cut(self, how: Cut) -> None:
        for chain, direction in _chains(how):
            run(*self.inside("iptables", "-w", "10", "-I", chain, direction, _INTERFACE, "-j", "DROP"))

    def heal(self) -> None:
        """Nothing when it is not cut off."""
        for chain, direction in _chains("both"):
            rule = [chain, direction, _INTERFACE, "-j", "DROP"]
            while _succeeds(*self.inside("iptables", "-w", "10", "-D", *rule)):
                pass


def unable() -> str:
    """Why there cannot be hosts in network namespaces on this machine; empty when there can."""
    if os.geteuid() != 0:
        return "several hosts on one machine take root"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return f"there are no network namespaces here: {done.stderr.strip()}" if done.returncode != 0 else ""


def _chains(how: Cut) -> Iterable[tuple[str, str]]:
    if how in ("both", "in"):
        yield "INPUT", "-i"
    if how in ("both", "out"):
        yield "OUTPUT", "-o"


class HttpConnection(http.client.HTTPConnection):
    """HTTP to an address that is only reached from inside a namespace."""

    def __init__(self, namespace: Namespace, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._namespace = namespace
        self._timeout = timeout

    def connect(self) -> None:
        self.sock = self._namespace.connect(self.host, self.port, self._timeout)


def join(switch: Namespace, hosts: Iterable[tuple[Namespace, str]]) -> None:
    """Makes the namespaces and joins them; each host comes with its address, `10.87.0.1/24`."""
    switch.create()
    run("ip", "-n", switch.name, "link", "add", _BRIDGE, "type", "bridge")
    run("ip", "-n", switch.name, "link", "set", _BRIDGE, "up")
    for number, (host, address) in enumerate(hosts, start=1):
        host.create()
        port = f"port{number}"
        end = ("type", "veth", "peer", "name", port, "netns", switch.name)
        run("ip", "link", "add", _INTERFACE, "netns", host.name, *end)
        run("ip", "-n", switch.name, "link", "set", port, "master", _BRIDGE, "up")
        run("ip", "-n", host.name, "addr", "add", address, "dev", _INTERFACE)
        run("ip", "-n", host.name, "link", "set", _INTERFACE, "up")


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError as error:
        raise LocalError(
            f"the command `{command[0]}` is not installed", hint="apt-get install iproute2 iptables util-linux"
        ) from error
    if done.returncode != 0:
        raise LocalError(
            f"{' '.join(command)} failed: {done.stderr.strip()}",
            hint="several hosts on one machine take root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and network namespaces",
        )


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
