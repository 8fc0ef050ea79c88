"""What the agent knows about the host it is on: its lasting identity, its size, its labels. Read once, at start.

The identity lives in the data folder, together with a lock that keeps a second agent out of it.
"""

from __future__ import annotations

import fcntl
import platform
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from nodeagent import durable
from nodeagent.pressure import Pressure, Stock
from taskyard.local_agent import LOCK
from taskyard.objects import Amounts


class FolderTaken(Exception):
    """Another agent uses the data folder."""


def lock_folder(folder: Path) -> IO[str]:
    """The lock, held until it is closed. Raises FolderTaken, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / LOCK, "w")  # noqa: SIM115 - it stays open for as long as the agent lives
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise FolderTaken(f"another agent uses the data folder {folder}: give this one another --data-dir") from error
    return lock


def host_id(folder: Path) -> str:
    """32 hex digits, made at the first start. Raises OSError."""
    path = folder / "host-id"
    if path.exists() and (found := path.read_text().strip()):
        return found
    made = secrets.token_hex(16)
    durable.write(path, made)
    return made


def capacity(folder: Path, generic: dict[str, int]) -> Amounts:
    return Amounts(
        cpu_millis=(psutil.cpu_count() or 1) * 1000,
        memory_bytes=psutil.virtual_memory().total,
        disk_bytes=psutil.disk_usage(str(folder)).total,
        generic=generic,
    )


def labels() -> dict[str, str]:
    return {
        "taskyard/hostname": socket.gethostname(),
        "taskyard/os": platform.system().lower(),
        "taskyard/arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    }


def stocks(folders: Iterable[Path]) -> dict[Pressure, Stock]:
    """What is left of the fullest disk among those of the folders, of memory, and of process ids."""
    disks = [psutil.disk_usage(str(folder)) for folder in folders if folder.is_dir()]
    fullest = min(disks, key=lambda disk: disk.free / disk.total if disk.total else 1.0, default=None)
    memory = psutil.virtual_memory()
    found: dict[Pressure, Stock] = {"MemoryPressure": Stock(memory.available, memory.total)}
    if fullest:
        found["DiskPressure"] = Stock(fullest.free, fullest.total)
    try:
        most = int(Path("/proc/sys/kernel/pid_max").read_text())
        threads = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return found
    found["PidPressure"] = Stock(max(most - threads, 0), most)
    return found
