"""The processes of a container, found by their control group, and signalled without ever hitting another's.

Reads /proc alone: it works while dockerd hangs, is down, or has only just been asked to start the container.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path

PROC = Path("/proc")


def running(containers: Collection[str]) -> dict[str, list[int]]:
    """Container id → its process ids, as seen from here, for those that have any. A container's id is part of the
    name of its control group, with the drivers of Docker and Podman for cgroup v1, v2 and systemd alike."""
    found: dict[str, list[int]] = {}
    if not containers:
        return found
    for pid in _everybody():
        groups = _read(pid, "cgroup")
        for container in containers:
            if _is_of(container, groups):
                found.setdefault(container, []).append(pid)
    return found


def kill(container: str, pids: Collection[int]) -> None:
    for pid in pids:
        _send(container, pid, signal.SIGKILL)


def stop(container: str, pids: Collection[int], signum: int) -> None:
    """To its first process, as `docker kill` does."""
    for pid in pids:
        if _is_first(pid):
            _send(container, pid, signum)


def _everybody() -> Iterator[int]:
    with os.scandir(PROC) as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def _send(container: str, pid: int, signum: int) -> None:
    """The id may be another process's by now: only what the descriptor names is signalled, and only after a look."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _is_of(container, _read(pid, "cgroup")):
            signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _is_of(container: str, groups: str) -> bool:
    """With systemd, Podman's monitor of it has a group of that name too; without the monitor its end is never told."""
    return container in groups and f"conmon-{container}" not in groups


def _is_first(pid: int) -> bool:
    """It is process 1 of its own namespace."""
    for line in _read(pid, "status").splitlines():
        if line.startswith("NSpid:"):
            return line.split()[-1] == "1"
    return False


def _read(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""
