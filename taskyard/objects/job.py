"""Job: runs tasks from a template until so many of them, each with a number of its own, have done their work."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version
from taskyard.objects.service import TaskTemplate
from taskyard.quantity import Duration

JOB, INDEX, ATTEMPT, COMPLETIONS = (
    "taskyard/job",
    "taskyard/job-index",
    "taskyard/job-attempt",
    "taskyard/job-completions",
)
"""Labels of each task."""
JOB_LABELS = {"job.name": JOB, "job.index": INDEX, "job.attempt": ATTEMPT, "job.completions": COMPLETIONS}
"""Under which name a task's `envFrom` finds what they say."""


def position(labels: dict[str, str]) -> tuple[int, int] | None:
    """Index and attempt of a job's task; None where somebody has taken its labels off."""
    index, attempt = labels.get(INDEX, ""), labels.get(ATTEMPT, "")
    return (int(index), int(attempt)) if index.isdecimal() and attempt.isdecimal() else None


DISPATCHED_FROM = "taskyard/dispatched-from"
"""Label of a job that was made of one with parameters."""
PAYLOAD = "TASKYARD_PAYLOAD"
LARGEST_PAYLOAD = 64 * 1024
"""Bytes: Linux takes no variable above 128 KiB."""


class Parameters(Wire, frozen=True, kw_only=True):
    """Names of environment variables that a dispatch sets."""

    required: list[str] = []
    optional: list[str] = []
    payload: Literal["optional", "required", "forbidden"] = "optional"


class RetryBackoff(Wire, frozen=True, kw_only=True):
    """The wait before try n of one index is min(initial * 2^(n-1), max)."""

    initial: Duration = "10s"
    max: Duration = "6m"


class RetryExitCodes(Wire, frozen=True, kw_only=True):
    """They decide before the limits do."""

    fail_job: list[int] = []
    fail_index: list[int] = []
    ignore: list[int] = []
    """It is tried again, and does not count."""


class Retry(Wire, frozen=True, kw_only=True):
    """`limit`: of all indexes together, unless `per_index` says how often each may fail."""

    limit: int = 6
    per_index: int | None = None
    max_failed_indexes: int | None = None
    backoff: RetryBackoff = RetryBackoff()
    exit_codes: RetryExitCodes = RetryExitCodes()


class Success(Wire, frozen=True, kw_only=True):
    """The job is complete as soon as `count` of `indexes` have succeeded; absent: all of them, of all indexes."""

    indexes: str = ""
    count: int | None = None


class JobSpec(Wire, frozen=True, kw_only=True):
    completions: int = 1
    parallelism: int = 1
    suspend: bool = False
    guarantee: Literal["at-least-once", "at-most-once"] = "at-least-once"
    all_or_nothing: bool = False
    """All tasks get their nodes at once, or none does."""
    retry: Retry = Retry()
    active_deadline: Duration | None = None
    ttl_after_finish: Duration | None = None
    success: Success = Success()
    keep_tasks: int = 100
    """Of those that have ended, the newest: for their logs."""
    parameters: Parameters | None = None
    """It makes no tasks itself: each dispatch makes a job of it."""
    template: TaskTemplate


def _kind() -> Literal["Job"]:
    return "Job"


class Job(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/jobs/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Job"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: JobSpec
