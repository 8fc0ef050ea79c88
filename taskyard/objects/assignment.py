"""Assignment: everything an agent needs to run one task, so that it reads nobody else's keys."""

from __future__ import annotations

from typing import Literal

from taskyard.objects.base import Wire
from taskyard.objects.task import TaskSpec

EVICTED = "evicted from "
"""How the reason begins of one that leaves its node for a taint."""


class Assignment(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/assignments/<uid>`, written by the scheduler and the task controller.

    A higher epoch under the same key supersedes: the old epoch's container is stopped before the new is created.
    `desired: Stopped` asks for the container to be stopped and removed; once the status is terminal the controller
    deletes assignment and status together, so a status never outlives its assignment.
    """

    uid: str
    namespace: str
    name: str
    epoch: int
    desired: Literal["Running", "Stopped"] = "Running"
    reason: str = ""
    """Why it is to stop, where nobody has asked for its deletion."""
    grace_period: float | None = None
    """Seconds that replace the spec's own grace period; from a forced delete."""
    spec_hash: str
    spec: TaskSpec
    labels: dict[str, str] = {}
    result_of: str = ""
    """The uid of the job whose task it is: how it ends is recorded, once."""
    assigned_at: str = ""
