"""Binds tasks to nodes: the loop around `controlplane.placement`, which makes the decisions.

One process leads it at a time; all it writes is fenced.
"""

from controlplane.scheduler.metrics import Histogram, SchedulerMetrics
from controlplane.scheduler.scheduler import Scheduler

__all__ = ["Histogram", "Scheduler", "SchedulerMetrics"]
