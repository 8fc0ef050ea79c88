"""How far a job is, for those who look: what the API shows as its status. Pure over the cache, under its lock."""

from __future__ import annotations

from controlplane.cluster import ClusterCache
from controlplane.jobs.gather import job_tasks, unread_record
from taskyard.indexes import Indexes
from taskyard.keys import NamedKey
from taskyard.objects import Job, JobRun, Wire


class JobStatus(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """`phase`: Pending, Parameterised, Running, Suspended, Complete, Failed or Deleting. Numbers are of indexes, but
    for `failures`, which are tries that count, and `active`, which are tasks that have not ended."""

    phase: str
    reason: str
    message: str
    completions: int
    succeeded: int
    failed: int
    unknown: int
    waiting: int
    """Failed, and tried again later."""
    active: int
    failures: int
    succeeded_indexes: str
    failed_indexes: str
    unknown_indexes: str
    started_at: str
    finished_at: str


def standing(cache: ClusterCache, job: Job) -> JobStatus:
    metadata = job.metadata
    tasks = job_tasks(cache, job)
    record = cache.runs.get(NamedKey(metadata.namespace, metadata.name))
    run = record.run if record is not None and record.run.job_uid == metadata.uid else None
    live = {each.index for each in tasks if each.live}
    phase, message = _told(job, run, len(tasks))
    unread = (
        "" if job.metadata.deletion_timestamp else unread_record(cache, NamedKey(metadata.namespace, metadata.name))
    )
    message = unread or message
    run = run or JobRun(job_uid=metadata.uid)
    return JobStatus(
        phase=phase,
        reason=run.reason,
        message=message,
        completions=job.spec.completions,
        succeeded=len(Indexes.parse(run.succeeded)),
        failed=len(Indexes.parse(run.failed)),
        unknown=len(Indexes.parse(run.unknown)),
        waiting=sum(1 for index in run.again if int(index) not in live),
        active=sum(1 for each in tasks if each.live),
        failures=run.failures,
        succeeded_indexes=run.succeeded,
        failed_indexes=run.failed,
        unknown_indexes=run.unknown,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def _told(job: Job, run: JobRun | None, tasks: int) -> tuple[str, str]:
    if job.metadata.deletion_timestamp:
        return "Deleting", f"waits until its {tasks} tasks are gone"
    if job.spec.parameters is not None:
        return "Parameterised", "runs when it is dispatched: taskyard job dispatch"
    if run is None:
        return "Pending", "waits for the job controller"
    if run.phase.finished:
        return str(run.phase), run.message
    return str(run.phase), run.last_failure and f"the last failure: {run.last_failure}"
