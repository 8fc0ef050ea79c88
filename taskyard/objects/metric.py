"""Metric: a number that a task tells of itself, in the text format of Prometheus, and what is wanted of it."""

from __future__ import annotations

from taskyard.objects.base import Wire


class Metric(Wire, frozen=True, kw_only=True):
    """Of a task: see `nodeagent.metrics`. The sum of all samples of this name that have these labels; of a counter,
    what it grows by in a second."""

    name: str
    port: int
    """The container's."""
    path: str = "/metrics"
    labels: dict[str, str] = {}


class MetricTarget(Wire, frozen=True, kw_only=True):
    """Of an autoscaler: `target` is for each task, on average."""

    name: str
    target: float
