"""What became of a task: its states, their order, and the agent's report."""

from __future__ import annotations

from enum import StrEnum

from taskyard.objects.base import Wire

STOPPED = "Stopped"
"""The reason of a Completed task that was asked to stop: it came to no end of its own."""

IMAGE_UNFETCHED = "ImagePullBackOff"
"""The reason of a task whose image cannot be fetched, and that waits until it is tried again."""


class TaskState(StrEnum):
    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    LOST = "Lost"
    UNKNOWN = "Unknown"

    @property
    def rank(self) -> int:
        """Within one attempt a state only gives way to one of a larger rank."""
        return _RANK[self]

    @property
    def terminal(self) -> bool:
        """Nothing more happens to this epoch of the task unless someone asks for it; its resources are free."""
        return self in (TaskState.COMPLETED, TaskState.FAILED)


_RANK = {state: rank for rank, state in enumerate(TaskState)}


class HostPort(Wire, frozen=True, kw_only=True):
    """A published port: where on the node the container's port is reached."""

    container: int
    host: int
    protocol: str = "tcp"
    name: str = ""
    address: str = ""


class LastExit(Wire, frozen=True, kw_only=True):
    """How the attempt before this one ended."""

    attempt: int
    exit_code: int | None = None
    reason: str = ""
    finished_at: str = ""


class SidecarStatus(Wire, frozen=True, kw_only=True):
    """`state` is Starting, Running, Stopping (its checks failed, and it is stopped to be started again), Pulling (its
    image has gone from the node), BackOff (it ended, and waits to be started again) or Stopped."""

    name: str
    state: str
    container_name: str = ""
    message: str = ""
    """How it ended, while it waits; why it is not ready, while it runs."""
    exit_code: int | None = None
    """Of its last end."""
    finished_at: str = ""
    """The same; tells one end from the next."""
    restarts: int = 0
    """In this attempt of the task."""
    backoff_step: int = 0
    next_start_at: str = ""


class TaskStatus(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/status/<uid>`, written by the agent alone, with a compare on the assignment.

    `state` is Starting, Running, Stopping, Completed or Failed. `reason` is one CamelCase word for
    programs, `message` a sentence for people.
    """

    uid: str
    namespace: str
    name: str
    epoch: int
    attempt: int = 1
    state: TaskState
    reason: str = ""
    message: str = ""
    container_id: str = ""
    container_name: str = ""
    image_digest: str = ""
    """`sha256:…`: what the image's tag stood for when the container was made; empty for an image that has none."""
    ports: list[HostPort] = []
    health: str = ""
    """`starting`, `healthy` or `unhealthy`; empty without a health check."""
    ready: bool = False
    """It runs, and may get traffic: its health and its readiness check, if it has any, say so."""
    exit_code: int | None = None
    oom_killed: bool = False
    restarts: int = 0
    """Restarts in this epoch; never goes down."""
    backoff_step: int = 0
    """Restarts since the last run that was long enough to count as healthy; decides the next wait."""
    next_attempt_at: str = ""
    """While waiting to restart: when."""
    last_exit: LastExit | None = None
    sidecars: list[SidecarStatus] = []
    """Of this attempt, in the spec's order."""
    started_at: str = ""
    finished_at: str = ""
    updated_at: str = ""
