"""Readings from a made-up /sys/fs/cgroup and /proc, in both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.stats.cgroups import Reading, read

NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    7000       0    0    0    0     0          0         0     7000       0    0    0    0     0       0          0
  eth0:      90       1    0    0    0     0          0         0       40       0    0    0    0     0       0          0
  eth1:      10       1    0    0    0     0          0         0        2       0    0    0    0     0       0          0
"""  # noqa: E501 - as the kernel writes it
EXPECTED = Reading(cpu_ns=5_000_000_000, memory_bytes=3000, net_rx_bytes=100, net_tx_bytes=42)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


V1 = {
    "cpuacct/docker/c1/cpuacct.usage": "5000000000\n",
    "cpuacct/docker/c1/cgroup.procs": "42\n43\n",
    "memory/docker/c1/memory.usage_in_bytes": "4000\n",
    "memory/docker/c1/memory.stat": "cache 1500\ntotal_inactive_file 1000\n",
}
V2 = {
    "cgroup.controllers": "cpu memory\n",
    "{place}/cpu.stat": "usage_usec 5000000\nuser_usec 1\n",
    "{place}/cgroup.procs": "42\n",
    "{place}/memory.current": "4000\n",
    "{place}/memory.stat": "anon 5\ninactive_file 1000\n",
}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(V1, id="v1"),
        pytest.param({k.format(place="docker/c1"): v for k, v in V2.items()}, id="v2-cgroupfs"),
        pytest.param({k.format(place="system.slice/docker-c1.scope"): v for k, v in V2.items()}, id="v2-systemd"),
        pytest.param({k.replace("docker/c1", "libpod_parent/libpod-c1"): v for k, v in V1.items()}, id="v1-podman"),
        pytest.param(
            {k.format(place="machine.slice/libpod-c1.scope/container"): v for k, v in V2.items()}
            | {"machine.slice/libpod-c1.scope/cgroup.procs": ""},
            id="v2-podman-systemd-crun",
        ),
    ],
)
def test_reads_a_container(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path / "cgroup", files)
    write(tmp_path / "proc", {"42/net/dev": NET})
    assert read("c1", root=tmp_path / "cgroup", proc=tmp_path / "proc") == EXPECTED


def test_what_is_not_there_has_no_reading(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", V1)
    (tmp_path / "proc").mkdir()
    assert read("c2", root=tmp_path / "cgroup", proc=tmp_path / "proc") is None
    assert read("c1", root=tmp_path / "cgroup", proc=tmp_path / "proc") is None, "it ended while it was read"
