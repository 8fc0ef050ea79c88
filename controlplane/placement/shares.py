"""The share of a node that is free, in whole points: what the strategies order nodes by. Pure.

It is the share before the task is there, so the order of the nodes is the same for every task, and can be kept up to
date as tasks come and go instead of being worked out for each.
"""

from __future__ import annotations

from taskyard.objects import Amounts

POINTS = 1024
"""Of a node that is all free."""
IMAGE_POINTS = 32
"""What it counts for that the image is there already: three hundredths of the node, so that tasks of one image do not
pile up where it is."""


def level(capacity: Amounts, cpu: int, memory: int) -> int:
    """The mean of the free shares of cpu and memory, from -POINTS, where they are promised twice, to POINTS."""
    whole_cpu, whole_memory = capacity.cpu_millis or 1, capacity.memory_bytes or 1
    points = (cpu * POINTS // whole_cpu + memory * POINTS // whole_memory) >> 1
    if -POINTS <= points <= POINTS:
        return points
    return POINTS if points > 0 else -POINTS
