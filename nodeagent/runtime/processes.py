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
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_CONNECT_TIMEOUT = 5.0


_GROUPS = (
    "memory/docker/{id}",
    "docker/{id}",
    "system.slice/docker-{id}.scope",
    "memory/system.slice/docker-{id}.scope",
)
"""Where Docker's cgroup drivers put a container, below /sys/fs/cgroup, with cgroup v1 and v2."""


def first_process(container: str, groups: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> int:
    """The id, as seen from here, of the process that is 1 in the container with this full id; 0 when none is seen."""
    for place in _GROUPS:
        try:
            pids = (groups / place.format(id=container) / "cgroup.procs").read_text().split()
        except OSError:
            continue
        # In it there may be namespaces further in, with first processes of their own.
        depths = {pid: ids for pid in pids if (ids := _ids(proc / pid))[-1:] == ["1"]}
        return int(min(depths, key=lambda pid: len(depths[pid]), default=0))
    return 0


def _ids(folder: Path) -> list[str]:
    """Of the process, in each of its PID namespaces, from here inwards."""
    with contextlib.suppress(OSError):
        for line in (folder / "status").read_text(errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[1:]
    return []


def is_of(container: str, pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether the process is (still) one of the container with this full id."""
    try:
        return bool(pid) and container in (proc / str(pid) / "cgroup").read_text()
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
