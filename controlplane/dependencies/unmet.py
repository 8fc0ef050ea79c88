"""Which dependencies of a waiting task are not met, and what each is like now. Pure over the cache, under its lock."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.cluster import ClusterCache, EffectiveStatus, TaskRecord, view
from controlplane.services.ready import is_ready
from controlplane.services.standing import standing
from taskyard.clock import parse_timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Dependency, Job, JobPhase, Service, TaskState
from taskyard.quantity import seconds

_STARTED = (TaskState.RUNNING, TaskState.STOPPING, TaskState.COMPLETED, TaskState.FAILED)


@dataclass(frozen=True, slots=True)
class Unmet:
    dependency: Dependency
    now: str
    """`is not there`, `has 1 of 3 tasks ready`"""

    @property
    def text(self) -> str:
        """`job/migrate to be completed, timeout 5m (it runs: 0 of 1 done)`; it goes on waiting after a timeout."""
        late = f", timeout {self.dependency.timeout}" if self.dependency.timeout is not None else ""
        return f"{self.dependency.label} to be {self.dependency.awaited}{late} (it {self.now})"


def time_left(record: TaskRecord, each: Unmet, now: float) -> float | None:
    """Seconds until the task has waited for longer than the timeout, 0 or less once it has; None without one."""
    timeout, since = each.dependency.timeout, record.task.metadata.created_at
    return parse_timestamp(since) + seconds(timeout) - now if timeout is not None and since else None


def unmet(cache: ClusterCache, record: TaskRecord) -> list[Unmet]:
    """Of a task that never had a node; whatever had one is not held back any more."""
    if record.task.binding is not None:
        return []
    namespace = record.task.metadata.namespace
    found = [(each, _lacks(cache, namespace, each)) for each in record.task.spec.depends_on]
    return [Unmet(each, now) for each, now in found if now]


def _lacks(cache: ClusterCache, namespace: str, wanted: Dependency) -> str:
    """What it is like, where that is not enough; empty when it is."""
    if wanted.kind == "Task":
        record = cache.tasks.get(NamedKey(namespace, wanted.name))
        return "is not there" if record is None else _task(cache, record, wanted.awaited)
    held = cache.objects.get(ObjectKey(wanted.kind, namespace, wanted.name))
    if held is None:
        return "is not there"
    if held.value.metadata.deletion_timestamp:
        return "is being deleted"
    if isinstance(held.value, Service):
        return _service(cache, held.value, wanted.awaited)
    assert isinstance(held.value, Job)
    return _job(cache, held.value, wanted.awaited)


def _task(cache: ClusterCache, record: TaskRecord, awaited: str) -> str:
    if record.task.metadata.deletion_timestamp:
        return "is being deleted"
    status = view(cache, record)
    match awaited:
        case "started":
            met = _has_run(status)
        case "healthy":
            met = is_ready(cache, record, status)
        case _:
            met = status.state is TaskState.COMPLETED
    health = f", {status.health}" if status.health else ""
    return "" if met else f"is {status.state}{health}"


def _has_run(status: EffectiveStatus) -> bool:
    """Not one that could not be started, or was stopped before it was."""
    return status.state in _STARTED and bool(status.started_at)


def _service(cache: ClusterCache, service: Service, awaited: str) -> str:
    status = standing(cache, service)
    if awaited == "started":
        tasks = [cache.tasks.get(NamedKey(*key[1:])) for key in cache.owned_by(service.metadata.uid)]
        met = any(task is not None and _has_run(view(cache, task)) for task in tasks)
    else:
        met = status.ready == status.wanted > 0
    return "" if met else f"has {status.ready} of {status.wanted} tasks ready"


def _job(cache: ClusterCache, job: Job, awaited: str) -> str:
    known = cache.runs.get(NamedKey(job.metadata.namespace, job.metadata.name))
    run = known.run if known is not None and known.run.job_uid == job.metadata.uid else None
    if run is None:
        return "was not started"
    if run.phase is JobPhase.COMPLETE or (awaited == "started" and (run.started_at or run.phase.finished)):
        return ""
    if run.phase is JobPhase.FAILED:
        return f"has failed: {run.message}"
    return f"is {run.phase}"
