"""Control groups, which dockerd cannot do without and which a bare container or a minimal init may not have mounted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from taskyard.local.errors import LocalError

_ROOT = Path("/sys/fs/cgroup")


def controllers(proc_cgroups: str) -> list[str]:
    """The enabled version 1 controllers in the text of /proc/cgroups."""
    rows = [line.split() for line in proc_cgroups.splitlines() if line and not line.startswith("#")]
    return [row[0] for row in rows if len(row) == 4 and row[3] == "1"]


def mounted(proc_mounts: str) -> bool:
    """Whether some control group hierarchy is mounted under /sys/fs/cgroup, by the text of /proc/mounts."""
    rows = [line.split() for line in proc_mounts.splitlines()]
    return any(len(row) > 2 and row[2] in ("cgroup", "cgroup2") and row[1].startswith(str(_ROOT)) for row in rows)


def ensure_mounted() -> str:
    """What it did, or an empty text when all was there. LocalError when it is needed and may not be done."""
    if mounted(Path("/proc/mounts").read_text()):
        return ""
    if os.geteuid() != 0:
        raise LocalError(
            f"no control groups are mounted at {_ROOT}, and dockerd cannot run without them",
            hint="run as root, or mount them: apt-get install cgroupfs-mount && cgroupfs-mount",
        )
    if (_ROOT / "cgroup.controllers").exists() or not controllers(Path("/proc/cgroups").read_text()):
        _mount("-t", "cgroup2", "cgroup2", str(_ROOT))
        return f"mounted cgroup2 at {_ROOT}"
    _mount("-t", "tmpfs", "-o", "uid=0,gid=0,mode=0755", "cgroup", str(_ROOT))
    done: list[str] = []
    for name in controllers(Path("/proc/cgroups").read_text()):
        (_ROOT / name).mkdir(exist_ok=True)
        _mount("-n", "-t", "cgroup", "-o", name, "cgroup", str(_ROOT / name))
        done.append(name)
    return f"mounted the control groups {', '.join(done)} at {_ROOT}"


def _mount(*arguments: str) -> None:
    result = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalError(
            f"mount {' '.join(arguments)} failed: {result.stderr.strip()}",
            hint="give this machine its control groups (a container needs --privileged), or point DOCKER_HOST at a"
            " Docker Engine that runs elsewhere",
        )
