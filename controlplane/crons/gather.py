"""What is known of a cron's jobs, from the cache: for the controller and for what the API shows. Under the lock."""

from __future__ import annotations

from controlplane.cluster import ClusterCache, unread
from controlplane.crons.decide import MadeJob
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Cron, Job, Wire


class CronStatus(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """`active`: names of its jobs that have not finished. `last`: the latest time that was due, and was seen to."""

    active: list[str]
    last: str
    last_job: str
    made: int
    skipped: int
    message: str


def made_jobs(cache: ClusterCache, cron: Cron) -> list[MadeJob]:
    found = []
    for key in cache.owned_by(cron.metadata.uid):
        record = cache.objects.get(key)
        if record is None or not isinstance(record.value, Job):
            continue
        run = cache.runs.get(NamedKey(key.namespace, key.name))
        phase = run.run.phase if run is not None and run.run.job_uid == record.uid else None
        found.append(MadeJob(record.value, record.entry, phase))
    return found


def unread_record(cache: ClusterCache, cron: NamedKey) -> str:
    """What holds the cron, and what to do, where nobody can read which times were seen to; empty: nothing."""
    why = unread(cache, keys.ticks(*cron), "to have the cron begin anew, which may run again what it has run last")
    return why and f"no job is made, as {why}"


def standing(cache: ClusterCache, cron: Cron) -> CronStatus:
    name = NamedKey(cron.metadata.namespace, cron.metadata.name)
    known = cache.ticks.get(name)
    run = known.run if known is not None and known.run.cron_uid == cron.metadata.uid else None
    return CronStatus(
        active=[each.job.metadata.name for each in made_jobs(cache, cron) if each.active],
        last=run.last if run is not None else "",
        last_job=run.job if run is not None else "",
        made=run.made if run is not None else 0,
        skipped=run.skipped if run is not None else 0,
        message=run.message if run is not None else unread_record(cache, name),
    )
