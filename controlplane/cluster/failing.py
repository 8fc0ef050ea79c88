"""Whether a task keeps failing where it is, by its own measure of how often is too often. Pure."""

from __future__ import annotations

from taskyard.objects import TaskSpec, TaskState, TaskStatus


def keeps_failing(spec: TaskSpec, status: TaskStatus) -> bool:
    """It waits for its next try after as many in a row that came to nothing, whether it ended or could not start."""
    most = spec.restart.elsewhere_after
    waits = status.state is TaskState.STARTING and bool(status.next_attempt_at)
    return most is not None and waits and status.backoff_step >= most
