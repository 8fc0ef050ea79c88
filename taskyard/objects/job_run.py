"""What has become of a job: the controller's record of it, and the outcome of each of its tasks, as agents write it."""

from __future__ import annotations

from enum import StrEnum

from taskyard.objects.base import Wire


class JobPhase(StrEnum):
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETE = "Complete"
    FAILED = "Failed"

    @property
    def finished(self) -> bool:
        """It stays so for ever."""
        return self in (JobPhase.COMPLETE, JobPhase.FAILED)


class Again(Wire, frozen=True, kw_only=True):
    """An index that has failed, and is tried again."""

    attempt: int
    """Number of the next try; the first is 0."""
    failures: int
    """Those that count."""
    at: str
    """Not before."""


class JobRun(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/runs/<namespace>/<job>`, written by the job controller alone.

    An index is in one of the three sets at most, and stays there. Sets are written as `taskyard.indexes` reads them.
    """

    job_uid: str
    phase: JobPhase = JobPhase.RUNNING
    reason: str = ""
    """Of the end: one CamelCase word for programs."""
    message: str = ""
    started_at: str = ""
    """When its first task was made, or the first since it was resumed."""
    finished_at: str = ""
    next: int = 0
    """Indexes below have had a task."""
    succeeded: str = ""
    failed: str = ""
    unknown: str = ""
    """Of an at-most-once job: nobody can know whether they have done their work."""
    failures: int = 0
    """Those that count, of all indexes."""
    again: dict[str, Again] = {}
    """By index."""
    last_failure: str = ""


class Result(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/results/<uid>`: how a job's task ended. Written once, together with the last status of
    the task, and deleted together with the task."""

    uid: str
    job: str
    """The job's uid."""
    namespace: str
    name: str
    epoch: int
    succeeded: bool
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    node: str = ""
    started_at: str = ""
    finished_at: str = ""
