"""Waiting for jobs: until each is complete, or has failed."""

from __future__ import annotations

from collections.abc import Sequence

from taskyard.cli.kinds import Kind
from taskyard.cli.progress import Progress
from taskyard.cli.waiting import Awaited, Verdict, complaints
from taskyard.client.api import Client
from taskyard.client.views import JobView
from taskyard.clock import Clock


def awaited_job(namespace: str, name: str) -> Awaited:
    return Awaited(namespace, name, kind=Kind.JOB)


def judge_complete(_awaited: Awaited, job: JobView | None) -> Verdict:
    if job is None:
        return Verdict(True, "Deleted", "it was deleted meanwhile")
    status, text = job.status, job_progress(job)
    if status.phase == "Failed":
        return Verdict(True, text, f"it failed: {status.reason}: {status.message}")
    if status.phase == "Suspended":
        return Verdict(True, text, f"it is suspended: taskyard job resume {job.metadata.name}")
    return Verdict(status.phase in ("Complete", "Parameterised"), text)


def job_progress(job: JobView) -> str:
    """`Running: 3 of 5 done, 2 active; the last failure: task/resize-3 exited with code 1`"""
    status = job.status
    what = f"{status.phase}: {status.succeeded} of {status.completions} done, {status.active} active"
    return f"{what}; {status.message}" if status.message else what


def wait_for_jobs(
    client: Client, awaited: Sequence[Awaited], *, clock: Clock, timeout: float | None, progress: Progress
) -> list[str]:
    """Why it is not as it should be, a sentence for each job; none when all is well."""
    return complaints(client, awaited, judge_complete, clock=clock, timeout=timeout, progress=progress, late="complete")
