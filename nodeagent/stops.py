"""Why a task was stopped and how that went, for people. Pure."""

from __future__ import annotations

from nodeagent.runtime.port import ContainerInfo
from nodeagent.wording import KILLED
from taskyard.objects import Assignment
from taskyard.quantity import format_duration, seconds


def why_stopped(assignment: Assignment, found: ContainerInfo | None) -> str:
    """`found`: its container as it was last seen."""
    why = f"stopped: {assignment.reason}" if assignment.reason else "stopped as asked"
    stop, asked = assignment.spec.stop, assignment.grace_period
    if found is None or found.exit_code != KILLED or found.oom_killed or stop.signal == "SIGKILL":
        return why
    grace = seconds(stop.grace_period) if asked is None else asked
    return f"{why}, and killed: it had not ended {format_duration(grace)} after {stop.signal}"
