"""The last quarter of an hour of what the node and its tasks used, in the agent's memory: gone when it stops.

A ring of the reports that also go to the store, so it costs no measuring of its own. Read by nodeagent/api.
"""

from __future__ import annotations

from collections import deque

import msgspec

from taskyard.objects import NodeStats

KEPT = 60
"""Reports, one every 15 s."""


class Sample(msgspec.Struct, frozen=True, rename="camel"):
    """Usage over the interval that ended at `at`; network bytes count from the container's start."""

    at: str
    cpu_millis: int
    memory_bytes: int
    net_rx_bytes: int = 0
    net_tx_bytes: int = 0


class StatsHistory:
    """One thread adds, others read."""

    def __init__(self) -> None:
        self._kept: deque[NodeStats] = deque(maxlen=KEPT)

    def add(self, stats: NodeStats) -> None:
        self._kept.append(stats)

    def of_node(self) -> list[Sample]:
        """Oldest first."""
        return [Sample(stats.at, stats.cpu_millis, stats.memory_bytes) for stats in list(self._kept)]

    def of_task(self, uid: str) -> list[Sample]:
        """Oldest first; empty for one that has not run here lately."""
        return [
            Sample(stats.at, use.cpu_millis, use.memory_bytes, use.net_rx_bytes, use.net_tx_bytes)
            for stats in list(self._kept)
            if (use := stats.tasks.get(uid))
        ]
