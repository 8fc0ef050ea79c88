"""Removes a cluster from the machine, whoever started it and however that ended: processes, mounts, namespaces, files.

Called at the end of each run, and at the start of the next in case there was no end.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from chaos.daemon import Record
from chaos.network import Namespace
from taskyard.local.process import ProcessId, identify, stop

_CGROUPS = Path("/sys/fs/cgroup")


def remove(cluster: str, folder: Path) -> None:
    """Everything that carries the cluster's name or lives in its folder."""
    stop(_processes(cluster, folder), grace=0.0)
    for target in reversed(_mounts(folder)):
        subprocess.run(["umount", "-l", target], capture_output=True, check=False)
    for namespace in namespaces(cluster):
        namespace.delete()
    _remove_cgroups(cluster)
    if folder.exists():
        for part in folder.iterdir():
            if part.name != "lock":
                shutil.rmtree(part) if part.is_dir() else part.unlink()


def left(cluster: str, folder: Path) -> list[str]:
    """What of a cluster is still there; nothing after `remove`."""
    found = [f"process {process.pid}" for process in _processes(cluster, folder) if process.alive()]
    found += [f"mount {target}" for target in _mounts(folder)]
    found += [f"namespace {namespace.name}" for namespace in namespaces(cluster)]
    found += [f"control group {path}" for path in _cgroups(cluster)]
    return found + [f"file {path}" for path in folder.glob("*") if path.name != "lock"]


def namespaces(cluster: str) -> list[Namespace]:
    folder = Path("/run/netns")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [Namespace(path.name) for path in found if path.name.startswith(f"{cluster}-")]


def _processes(cluster: str, folder: Path) -> list[ProcessId]:
    """Those that were recorded, those that name the folder (shims, watchdogs), and those in its control groups."""
    grouped = [pid for pid in psutil.pids() if f":/{cluster}/" in _groups(pid)]
    identities = [identity for pid in grouped if (identity := identify(pid)) is not None]
    return list({*Record(folder / "processes").read(), *naming(folder), *identities})


def naming(folder: Path) -> list[ProcessId]:
    """The processes whose command lines name something in the folder: daemons, shims, watchdogs; not this one."""
    own = psutil.Process().pid
    commands = {process.pid: process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])}
    found = [pid for pid, command in commands.items() if f"{folder}/" in " ".join(command) and pid != own]
    return [identity for pid in found if (identity := identify(pid)) is not None]


def _groups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _mounts(folder: Path) -> list[str]:
    lines = Path("/proc/mounts").read_text().splitlines()
    targets = [line.split()[1].replace("\\040", " ") for line in lines]
    return [target for target in targets if target.startswith(f"{folder}/")]


def _remove_cgroups(cluster: str) -> None:
    """A control group is removed once its last process has been; the kernel takes a moment for that."""
    deadline = time.monotonic() + 5.0
    while (found := _cgroups(cluster)) and time.monotonic() < deadline:
        for path in found:
            with suppress(OSError):
                path.rmdir()
        time.sleep(0.02)


def _cgroups(cluster: str) -> list[Path]:
    """The deepest first."""
    roots = [*_CGROUPS.glob(cluster), *_CGROUPS.glob(f"*/{cluster}")]
    inner = [path for root in roots for path in root.rglob("*") if path.is_dir()]
    return sorted({*roots, *inner}, key=lambda path: len(path.parts), reverse=True)
