"""Takes the measurements of the node and its tasks, and turns counters into usage over the interval between two.

Called every few seconds by app.py, which puts the result in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from nodeagent.metrics import NOTHING, Told
from nodeagent.stats.cgroups import Reading, read
from nodeagent.stats.disk import DiskUse
from taskyard.clock import Clock, timestamp
from taskyard.objects import NodeStats, TaskUsage


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    busy: float
    """Seconds of CPU that the machine has spent on anything but idling."""
    readings: Mapping[str, Reading]


class StatsCollector:
    """`folder` is on the disk whose use counts."""

    def __init__(
        self,
        clock: Clock,
        folder: Path,
        disk: DiskUse,
        read_container: Callable[[str], Reading | None] = read,
    ) -> None:
        self._clock = clock
        self._folder = folder
        self._disk = disk
        self._read = read_container
        self._last: _Sample | None = None

    def collect(
        self, running: Mapping[str, Sequence[str]], told: Callable[[str], Told] = lambda _: NOTHING
    ) -> NodeStats:
        """`running`: ids of containers by task uid. `told`: what the task with a uid has told of itself."""
        sample = self._sample(one for those in running.values() for one in those)
        disk = self._disk.of(sample.readings)
        last, self._last = self._last, sample
        elapsed = sample.at - last.at if last else 0.0
        busy = sample.busy - last.busy if last else 0.0
        return NodeStats(
            at=timestamp(self._clock.now()),
            cpu_millis=round(busy / elapsed * 1000) if elapsed > 0 else 0,
            memory_bytes=(memory := psutil.virtual_memory()).total - memory.available,
            disk_bytes=psutil.disk_usage(str(self._folder)).used,
            load=[round(value, 2) for value in psutil.getloadavg()],
            tasks={
                uid: _together(
                    told(uid),
                    [
                        _usage(
                            sample.readings[container],
                            last.readings.get(container) if last else None,
                            elapsed,
                            disk.get(container, 0),
                        )
                        for container in read
                    ],
                )
                for uid, containers in running.items()
                if (read := [one for one in containers if one in sample.readings])
            },
        )

    def _sample(self, containers: Iterable[str]) -> _Sample:
        times = psutil.cpu_times()
        readings = {one: found for one in containers if (found := self._read(one))}
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
        return _Sample(self._clock.monotonic(), busy, readings)


def _usage(reading: Reading, before: Reading | None, elapsed: float, disk: int) -> TaskUsage:
    spent = reading.cpu_ns - before.cpu_ns if before else 0
    return TaskUsage(
        cpu_millis=round(spent / elapsed / 1_000_000) if elapsed > 0 else 0,
        memory_bytes=reading.memory_bytes,
        net_rx_bytes=reading.net_rx_bytes,
        net_tx_bytes=reading.net_tx_bytes,
        disk_bytes=disk,
    )


def _together(told: Told, parts: Sequence[TaskUsage]) -> TaskUsage:
    """Of a task's containers, which have one network."""
    return TaskUsage(
        cpu_millis=sum(part.cpu_millis for part in parts),
        memory_bytes=sum(part.memory_bytes for part in parts),
        net_rx_bytes=max(part.net_rx_bytes for part in parts),
        net_tx_bytes=max(part.net_tx_bytes for part in parts),
        disk_bytes=sum(part.disk_bytes for part in parts),
        metrics=dict(told.values),
        unread=dict(told.unread),
    )
