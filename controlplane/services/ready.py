"""Whether a task does its work: what rollouts, endpoints and stand-ins go by. Pure over the cache, under its lock."""

from __future__ import annotations

from controlplane.cluster import ClusterCache, EffectiveStatus, TaskRecord
from controlplane.cluster.effective import current_status
from taskyard.objects import TaskState


def is_ready(cache: ClusterCache, record: TaskRecord, status: EffectiveStatus) -> bool:
    """It does its work, or has done it: by its readiness check where it has one, else by its health check."""
    if status.state is not TaskState.RUNNING:
        return status.state is TaskState.COMPLETED
    if record.task.spec.checks.readiness is not None:
        reported = current_status(cache, record)
        return reported is not None and reported.status.ready
    return status.health in ("", "healthy")
