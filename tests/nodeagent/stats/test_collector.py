"""Counters become usage over the interval between two measurements."""

from __future__ import annotations

from pathlib import Path

from nodeagent.stats.cgroups import Reading
from nodeagent.stats.collector import StatsCollector
from nodeagent.stats.disk import DiskUse
from taskyard.clock import ManualClock
from taskyard.objects import TaskUsage


def test_usage_over_the_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    written = tmp_path / "layer"
    written.mkdir()
    (written / "file").write_bytes(b"x" * 5000)
    readings = {"c1": Reading(1_000_000_000, 100, 5, 6)}
    collector = StatsCollector(clock, tmp_path, DiskUse(clock, lambda _: (str(written),)), readings.get)
    first = collector.collect({"u1": ["c1"], "u2": ["gone"]})
    assert first.tasks == {"u1": TaskUsage(memory_bytes=100, net_rx_bytes=5, net_tx_bytes=6, disk_bytes=8192)}
    clock.advance(10.0)
    readings["c1"] = Reading(6_000_000_000, 200, 7, 8)
    second = collector.collect({"u1": ["c1"]})
    assert second.tasks == {
        "u1": TaskUsage(cpu_millis=500, memory_bytes=200, net_rx_bytes=7, net_tx_bytes=8, disk_bytes=8192)
    }
    assert second.memory_bytes > 0
    assert len(second.load) == 3
    assert second.cpu_millis >= 0


def test_a_restarted_container_starts_over(tmp_path: Path) -> None:
    clock = ManualClock()
    written = tmp_path
    readings = {"c1": Reading(9_000_000_000, 1, 0, 0), "c2": Reading(1_000_000, 1, 0, 0)}
    collector = StatsCollector(clock, tmp_path, DiskUse(clock, lambda _: (str(written),)), readings.get)
    collector.collect({"u1": ["c1"]})
    clock.advance(10.0)
    assert collector.collect({"u1": ["c2"]}).tasks["u1"].cpu_millis == 0
