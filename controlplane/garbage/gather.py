"""What has finished, what somebody waits for, and which records have no object: read from the cache, under its lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controlplane.cluster import ClusterCache, ObjectRecord, TaskRecord, view
from controlplane.cluster.effective import current_status, needs_binding
from controlplane.garbage.decide import Ended, Keep
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Cron, Dependency, Job, Namespace, Service
from taskyard.quantity import seconds
from taskyard.store.api import Compare, Entry, absent, unchanged


@dataclass(frozen=True, slots=True)
class Orphan:
    """A record of an object that is not there; `compares`: that this is still so."""

    entry: Entry
    compares: tuple[Compare, ...]


def finished(cache: ClusterCache) -> Iterator[Ended]:
    """Tasks and jobs that no service, job or cron has made: those are their makers' to remove."""
    for task in cache.tasks.values():
        if task.task.metadata.owner is None and (found := _task(cache, task)) is not None:
            yield found
    for key, record in cache.objects.items():
        if key.kind == "Job" and record.value.metadata.owner is None and (job := _job(cache, record)) is not None:
            yield job


def needed(cache: ClusterCache) -> set[ObjectKey]:
    """What a task that has no node yet waits for, or one would that is still to be made."""
    found: set[ObjectKey] = set()
    for record in cache.tasks.values():
        if record.task.binding is None and record.task.spec.depends_on:
            found |= _named(record.key.namespace, record.task.spec.depends_on)
    for key, held in cache.objects.items():
        found |= _named(key.namespace, _depends_on(held))
    return found


def keep_of(cache: ClusterCache, namespace: str, otherwise: Keep) -> Keep:
    """What the namespace says, and of what it does not say what holds everywhere."""
    record = cache.objects.get(ObjectKey("Namespace", "default", namespace))
    if record is None or not isinstance(record.value, Namespace):
        return otherwise
    spec = record.value.spec
    ttl = otherwise.seconds if spec.ttl_after_finish is None else seconds(spec.ttl_after_finish)
    most = otherwise.most if spec.keep_finished is None else spec.keep_finished
    return Keep(ttl, most, otherwise.youngest)


def orphans(cache: ClusterCache) -> Iterator[Orphan]:
    """Records of objects whose keys were deleted by hand: whoever deletes otherwise takes the records along."""
    for kind, records in (("Service", cache.rollouts), ("Job", cache.runs), ("Cron", cache.ticks)):
        for name, record in records.items():
            place = keys.object_key(ObjectKey(kind, *name))
            if place not in cache.informer.entries:
                yield Orphan(record.entry, (absent(place),))
    for uid, result in cache.results.items():
        if cache.by_uid(uid) is None and not cache.assignments_of(uid):
            # Under the task's name there may be a value by now that nobody can read, or that is the task again.
            place = keys.task(result.result.namespace, result.result.name)
            there = cache.informer.entries.get(place)
            if place not in cache.quarantined:
                yield Orphan(result.entry, (unchanged(there) if there is not None else absent(place),))


def _task(cache: ClusterCache, record: TaskRecord) -> Ended | None:
    status, metadata = current_status(cache, record), record.task.metadata
    if status is None or not status.status.state.terminal or metadata.deletion_timestamp or not record.uid:
        return None
    ended = status.status.finished_at or status.status.updated_at
    held = cache.assignment_on(record.uid, record.node)
    if held is None or needs_binding(cache, record) or not view(cache, record).state.terminal:
        return None
    try:
        at = parse_timestamp(ended)
    except ValueError:  # An agent's word, that nobody has checked: nobody knows how old it is, so it stays.
        return None
    spec = record.task.spec
    return Ended(
        value=record.task,
        entry=record.entry,
        since=status.entry.mod_revision,
        at=at,
        ttl=None if spec.ttl_after_finish is None else seconds(spec.ttl_after_finish),
        rests_on=(unchanged(record.entry), unchanged(status.entry), unchanged(held.entry)),
        loses_data=any(volume.on_delete == "remove" for volume in spec.volumes),
    )


def _job(cache: ClusterCache, record: ObjectRecord) -> Ended | None:
    """One that says itself when it goes is the job controller's to delete."""
    job = record.value
    known = cache.runs.get(NamedKey(*record.key[1:]))
    if not isinstance(job, Job) or job.spec.ttl_after_finish is not None or job.metadata.deletion_timestamp:
        return None
    if not record.uid or known is None or known.run.job_uid != record.uid or not known.run.phase.finished:
        return None
    rests_on = (unchanged(record.entry), unchanged(known.entry))
    at = parse_timestamp(known.run.finished_at)
    removing = any(volume.on_delete == "remove" for volume in job.spec.template.spec.volumes)
    return Ended(job, record.entry, known.entry.mod_revision, at, None, rests_on, loses_data=removing)


def _depends_on(record: ObjectRecord) -> list[Dependency]:
    match record.value:
        case Service(spec=spec):
            return spec.template.spec.depends_on
        case Job(spec=spec):
            return spec.template.spec.depends_on
        case Cron(spec=spec):
            return spec.template.spec.template.spec.depends_on
    return []


def _named(namespace: str, dependencies: list[Dependency]) -> set[ObjectKey]:
    return {ObjectKey(each.kind, namespace, each.name) for each in dependencies}
