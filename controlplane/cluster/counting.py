"""Whether the job controller still has to count how a job's task ended: until then nothing of the task may go.

Pure reading of the cache, under its lock; for the task controller, which takes tasks away.
"""

from __future__ import annotations

from controlplane.cluster.cache import ClusterCache
from controlplane.cluster.records import TaskRecord
from taskyard import keys
from taskyard.indexes import Indexes
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects.job import position


def awaits_counting(cache: ClusterCache, record: TaskRecord) -> bool:
    """It has a result, and the job's record waits for just that; nobody waits once the job is over, or is deleted."""
    owner, place = record.task.metadata.owner, position(record.task.metadata.labels)
    if owner is None or owner.kind != "Job" or place is None or record.uid not in cache.results:
        return False
    name = NamedKey(record.task.metadata.namespace, owner.name)
    job, known = cache.objects.get(ObjectKey("Job", *name)), cache.runs.get(name)
    if job is None or job.uid != owner.uid or job.value.metadata.deletion_timestamp:
        return False
    if known is None:
        # Where the record cannot be read, it may wait for just that.
        return keys.run(*name) in cache.quarantined
    run = known.run
    if run.job_uid != owner.uid or run.phase.finished:
        return False
    index, attempt = place
    again = run.again.get(str(index))
    settled = any(index in Indexes.parse(text) for text in (run.succeeded, run.failed, run.unknown))
    return not settled and attempt == (again.attempt if again is not None else 0)
