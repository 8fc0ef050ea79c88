"""What the agent does to a container from the host's side, past Docker, which cannot: a signal to one process in it, a
connection to a port that only listens inside.

Works where the agent sees the container's processes: on the same host, in its PID namespace, as root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import threading
from itertools import product

from nodeagent.control_groups import PLACES

_CLONE_NEWNET = 0x40000000
_CONNECT_TIMEOUT = 5.0


_HIERARCHIES = ("memory/", "")
"""Below /sys/fs/cgroup: one of many with cgroup v1, the only one with v2."""


def first_process(container: str, groups: str = "/sys/fs/cgroup", proc: str = "/proc") -> int:
    """The id, as seen from here, of the process that is 1 in the container with this full id; 0 when none is seen."""
    for place, hierarchy in product(PLACES, _HIERARCHIES):
        try:
            pids = _read(f"{groups}/{hierarchy}{place.format(id=container)}/cgroup.procs").split()
        except OSError:
            continue
        # In it there may be namespaces further in, with first processes of their own.
        depths = {pid: ids for pid in pids if (ids := _ids(f"{proc}/{pid}"))[-1:] == ["1"]}
        return int(min(depths, key=lambda pid: len(depths[pid]), default=0))
    return 0


def _ids(folder: str) -> list[str]:
    """Of the process, in each of its PID namespaces, from here inwards."""
    with contextlib.suppress(OSError):
        _, _, ids = _read(f"{folder}/status").partition("\nNSpid:")
        return ids.partition("\n")[0].split()
    return []


def _read(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read().decode(errors="replace")


def is_of(container: str, pid: int, proc: str = "/proc") -> bool:
    """Whether the process is (still) one of the container with this full id."""
    try:
        return bool(pid) and container in _read(f"{proc}/{pid}/cgroup")
    except OSError:
        return False


def send_signal(container: str, pid: int, name: str) -> bool:
    """False when the process is not the container's, or is gone."""
    if not is_of(container, pid):
        return False
    try:
        os.kill(pid, signal.Signals[name])
    except OSError:
        return False
    return True


def connect_inside(pid: int, port: int) -> socket.socket:
    """A connection to a port on loopback in the network namespace of the process. Raises OSError. Blocking.

    A thread enters the namespace and is gone afterwards; the socket that it made stays in there.
    """
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
                    number = ctypes.get_errno()
                    raise OSError(number, f"its network cannot be entered: {os.strerror(number)}")
            finally:
                os.close(namespace)
            made.append(socket.create_connection(("127.0.0.1", port), _CONNECT_TIMEOUT))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=enter, name="agent-enter", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
