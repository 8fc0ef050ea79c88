"""Disk use of containers: measured seldom, each file once."""

from __future__ import annotations

import os
from pathlib import Path

from nodeagent.stats.disk import EVERY, DiskUse, used
from taskyard.clock import ManualClock


def test_a_file_counts_once_and_by_what_it_takes_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"x" * 10_000)
    os.link(tmp_path / "inner" / "file", tmp_path / "again")
    with (tmp_path / "hole").open("wb") as hole:
        hole.truncate(10**9)
    (tmp_path / "link").symlink_to("/usr")
    assert used(str(tmp_path)) == (tmp_path / "again").stat().st_blocks * 512
    assert used(str(tmp_path / "nowhere")) == 0


def test_a_container_is_walked_now_and_then(tmp_path: Path) -> None:
    clock = ManualClock()
    disk = DiskUse(clock, lambda _: (str(tmp_path),))
    assert disk.of(["c1"]) == {"c1": 0}
    (tmp_path / "file").write_bytes(b"x" * 4096)
    size = (tmp_path / "file").stat().st_blocks * 512
    assert disk.of(["c1", "c2"]) == {"c1": 0, "c2": size}
    clock.advance(EVERY)
    assert disk.of(["c1"]) == {"c1": size}


def test_where_a_container_writes_is_asked_once_for_as_long_as_it_runs(tmp_path: Path) -> None:
    clock, asked = ManualClock(), []

    def folders(container: str) -> tuple[str, ...]:
        asked.append(container)
        return (str(tmp_path),)

    disk = DiskUse(clock, folders)
    for _ in range(3):
        disk.of(["c1", "c2"])
        clock.advance(EVERY)
    assert asked == ["c1", "c2"]
    disk.of([])
    disk.of(["c1"])
    assert asked == ["c1", "c2", "c1"]


def test_where_a_container_writes_is_asked_again_when_that_was_not_known(tmp_path: Path) -> None:
    clock, known = ManualClock(), [(), (str(tmp_path),)]
    (tmp_path / "file").write_bytes(b"x" * 4096)
    disk = DiskUse(clock, lambda _: known.pop(0))
    assert disk.of(["c1"]) == {"c1": 0}
    clock.advance(EVERY)
    assert disk.of(["c1"])["c1"] >= 4096
