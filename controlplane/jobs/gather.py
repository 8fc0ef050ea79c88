"""What is known of a job's tasks, from the cache: for the controller and for what the API shows. Under the lock."""

from __future__ import annotations

from collections.abc import Set

from controlplane.cluster import ClusterCache, TaskRecord, unread
from controlplane.cluster.effective import current_status
from controlplane.jobs.tasks import JobTask
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Job
from taskyard.objects.job import position


def job_tasks(cache: ClusterCache, job: Job, given_up: Set[str] = frozenset()) -> list[JobTask]:
    """In the order of their names. `given_up`: nodes that are not waited for."""
    found = []
    for key in cache.owned_by(job.metadata.uid):
        record = cache.tasks.get(NamedKey(key.namespace, key.name)) if key.kind == "Task" else None
        place = position(record.task.metadata.labels) if record is not None else None
        if record is None or place is None:
            continue
        result = cache.results.get(record.uid)
        outcome = result.result if result is not None and result.result.job == job.metadata.uid else None
        vanished = _vanished(cache, record, given_up) if outcome is None else ""
        found.append(JobTask(*place, record.task, record.entry, outcome, vanished))
    return found


def unread_record(cache: ClusterCache, job: NamedKey) -> str:
    """What holds the job, and what to do, where nobody can read what it has run already; empty: nothing."""
    why = unread(cache, keys.run(*job), "to have the job begin anew, which runs again what it has run")
    return why and f"it waits, as {why}"


def run_once_jobs_on(cache: ClusterCache, node: str) -> list[NamedKey]:
    """The jobs with a task bound to this node that is not run again elsewhere."""
    bound = [record.task for record in cache.bound_to(node) if record.task.spec.run_once]
    owners = [(task.metadata.namespace, task.metadata.owner) for task in bound]
    return [NamedKey(space, owner.name) for space, owner in owners if owner is not None and owner.kind == "Job"]


def _vanished(cache: ClusterCache, record: TaskRecord, given_up: Set[str]) -> str:
    """One that runs once was given a node, and will not end there by itself any more: why; empty: it may yet."""
    if not record.task.spec.run_once or record.task.binding is None:
        return ""
    held = cache.assignment_on(record.uid, record.node)
    if held is None:
        return f"its assignment to node {record.node} is gone"
    if record.node in given_up:
        return f"node {record.node} is lost"
    status = current_status(cache, record)
    over = status is not None and status.status.state.terminal
    return (held.assignment.reason or "it was stopped") if held.assignment.desired == "Stopped" and over else ""
