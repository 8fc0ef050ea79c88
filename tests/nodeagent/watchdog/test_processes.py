"""Which processes are a container's, by a made-up /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.watchdog import processes


@pytest.mark.parametrize(
    ("group", "found"),
    [
        pytest.param("/docker/c1", [7], id="docker"),
        pytest.param("/system.slice/docker-c1.scope", [7], id="docker-systemd"),
        pytest.param("/libpod_parent/libpod-c1", [7], id="podman"),
        pytest.param("/machine.slice/libpod-c1.scope/container", [7], id="podman-systemd"),
        pytest.param("/machine.slice/libpod-conmon-c1.scope", None, id="podman-monitor"),
        pytest.param("/docker/c2", None, id="another"),
    ],
)
def test_a_container_s_processes_are_those_of_its_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, group: str, found: list[int] | None
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(f"4:memory:{group}\n")
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes.running(["c1"]).get("c1") == found
