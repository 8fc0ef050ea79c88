"""Which disk a folder is on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodeagent.runtime.docker_disk import disk_under
from nodeagent.runtime.port import RuntimeRefused


def _device(sys: Path, folder: Path, *place: str) -> Path:
    """As the kernel has it: a link by number to a folder for the device."""
    target = sys.joinpath("devices", *place)
    target.mkdir(parents=True)
    number = folder.stat().st_dev
    (sys / f"{os.major(number)}:{os.minor(number)}").symlink_to(target)
    return target


def test_a_disk(tmp_path: Path) -> None:
    _device(tmp_path, tmp_path, "vdb")
    assert disk_under(str(tmp_path), sys=tmp_path) == "/dev/vdb"


def test_a_partition_is_on_its_disk(tmp_path: Path) -> None:
    (_device(tmp_path, tmp_path, "vdb", "vdb1") / "partition").write_text("1")
    assert disk_under(str(tmp_path), sys=tmp_path) == "/dev/vdb"


def test_no_disk_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RuntimeRefused, match="block I/O cannot be limited on this node"):
        disk_under(str(tmp_path), sys=tmp_path)
