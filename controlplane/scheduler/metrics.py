"""What the scheduler counts, as plain numbers: /metrics reads them, nothing here knows how they are shown."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; one more bucket takes what is above."""


@dataclass(slots=True)
class Histogram:
    """`counts[i]` is of values up to BOUNDS[i] and above the bound before; the last is of all above."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: int = 0
    sum: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += 1
        self.sum += seconds


@dataclass(slots=True)
class SchedulerMetrics:
    """Written by the scheduler's thread alone; a reader may see one number a moment before another."""

    decisions: int = 0
    """Tasks looked at, whether or not a node was found."""
    bound: int = 0
    moved: int = 0
    """Of these, those whose node was lost."""
    preempted: int = 0
    """Tasks that were asked to stop to make room for others."""
    conflicts: int = 0
    """Bindings that were stale when they reached the store."""
    refused: int = 0
    """Bindings that the store will not take: the task is too large for it."""
    pending: int = 0
    """Tasks that wait for a binding now, those that fit nowhere included."""
    bind_latency: Histogram = field(default_factory=Histogram)
    """Seconds from when the scheduler first saw that a task needs a binding until that was in the store."""
