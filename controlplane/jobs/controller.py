"""The job controller's loop: which jobs to look at, what is known of each, and the commits that follow.

Of one job the record and the tasks made go into one transaction, a few times a second at most: ten thousand tasks that
end within a minute cost a few hundred writes of the record.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange, ObjectRecord, RunRecord
from controlplane.jobs.decide import Decision, Situation, decide
from controlplane.jobs.gather import job_tasks, run_once_jobs_on, unread_record
from controlplane.jobs.tasks import new_task, task_name
from controlplane.leading import Look, Means, OwnerLoop, Proposal, Write
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey
from taskyard.objects import Gang, Job, JobPhase, JobRun, ObjectRef, encode
from taskyard.store.api import Delete, Entry, Operation, Put, absent, unchanged

GIVEN_UP_AFTER = 300.0
"""Seconds that a node is lost before a task on it that runs once counts as one whose end nobody will know."""
_APART = 0.25
"""Seconds between two writes for one job, so that many tasks which end one after the other are counted together."""
_MOST_TASKS = 100
_MOST_BYTES = 700_000
"""Of what is made in one transaction; etcd takes 128 operations and 1.5 MiB."""


class JobController(OwnerLoop[JobRun]):
    """Keys are jobs. Run it in one thread, or step it."""

    kinds = ("object", "task", "assignment", "status", "result", "node")

    def __init__(self, means: Means) -> None:
        super().__init__(means, "Job", unread_record)
        self._written_at: dict[NamedKey, float] = {}
        """When each was last written for."""
        self._unfilled: set[NamedKey] = set()
        """Jobs of which a round made as many tasks as it could: the next need not wait for others to end."""

    def begin_term(self) -> None:
        super().begin_term()
        self._written_at.clear()
        self._unfilled.clear()

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        found: list[NamedKey] = []
        for change in changes:
            if change.kind in ("object", "task", "result") or self._runs_once(change):
                found += [NamedKey(*key[1:]) for key in (change.object, change.owner) if key and key.kind == "Job"]
            elif change.kind == "node":
                found += run_once_jobs_on(self.cache, change.node)
        return found

    def _runs_once(self, change: CacheChange) -> bool:
        """How far others are makes no difference until they have ended."""
        record = self.cache.tasks.get(change.task) if change.task is not None else None
        return change.kind in ("status", "assignment") and record is not None and record.task.spec.run_once

    def cares_for(self, record: ObjectRecord) -> bool:
        return super().cares_for(record) and not _only_dispatched(record)

    def forget(self, key: NamedKey) -> None:
        super().forget(key)
        self._written_at.pop(key, None)
        self._unfilled.discard(key)

    def put_off(self, key: NamedKey) -> float:
        if (behind := super().put_off(key)) > 0 or key in self._unfilled:
            return behind
        return self._written_at.get(key, float("-inf")) + _APART - self.clock.monotonic()

    def note(self, proposal: Proposal[Write], revision: int) -> None:
        super().note(proposal, revision)
        self._written_at[proposal.subject.owner] = self.clock.monotonic()

    def look(self, key: NamedKey, record: ObjectRecord) -> Look[JobRun]:
        known = self.cache.runs.get(key)
        decision = self._decide(record, known)
        proposals = self._proposals(key, record, known, decision)
        return Look(proposals, known.run if known else None, decision.run, decision.again_in)

    def _decide(self, record: ObjectRecord, known: RunRecord | None) -> Decision:
        job = record.value
        assert isinstance(job, Job)
        tasks = job_tasks(self.cache, job, self._given_up())
        taken = _Taken(self.cache.informer.entries, job.metadata.namespace)
        most = max(min(_MOST_TASKS, _MOST_BYTES // len(encode(job))), 1)
        decision = decide(Situation(job, known.run if known else None, tasks, self.clock.now(), taken, most))
        change = self._unfilled.add if len(decision.makes) == most else self._unfilled.discard
        change(NamedKey(*record.key[1:]))
        return decision

    def _given_up(self) -> set[str]:
        losses, now = self._losses.now, self.clock.monotonic()
        return {name for name, loss in losses.lost.items() if now - loss.since >= GIVEN_UP_AFTER} - losses.held

    def _proposals(
        self, key: NamedKey, record: ObjectRecord, known: RunRecord | None, decision: Decision
    ) -> list[Proposal[Write]]:
        """Each rests on the job as it is, so that nothing is made for one that was changed or deleted."""
        job = record.value
        assert isinstance(job, Job)
        same = unchanged(record.entry)
        if decision.expired:
            gone = removal_of(job, self.clock.now())
            operation = Put(record.entry.key, encode(gone.value)) if gone.value else Delete(record.entry.key)
            return [Proposal(Write("expire", key, key.name), (same,), (operation,))]
        found: list[Proposal[Write]] = []
        makes = self._new_tasks(job, decision)
        if makes or known is None or known.run != decision.run:
            place = keys.run(*key)
            before = unchanged(known.entry) if known else absent(place)
            compares = (same, before, *(absent(put.key) for put in makes))
            operations: tuple[Operation, ...] = (Put(place, encode(decision.run)), *makes)
            found.append(Proposal(Write("advance", key, key.name), compares, operations))
        for old in decision.removes:
            removal = removal_of(old.task, self.clock.now())
            operation = Put(old.entry.key, encode(removal.value)) if removal.value else Delete(old.entry.key)
            compares = (same, unchanged(old.entry))
            found.append(Proposal(Write("remove", key, old.task.metadata.name), compares, (operation,)))
        return found

    def _new_tasks(self, job: Job, decision: Decision) -> list[Put]:
        makes, at = decision.makes, timestamp(self.clock.now())
        gang = None
        if job.spec.all_or_nothing and len(makes) > 1:
            gang = Gang(name=task_name(job.metadata.name, *makes[0]), size=len(makes))
        tasks = [new_task(job, index, attempt, self._new_uid(), at, gang) for index, attempt in makes]
        return [Put(keys.task(job.metadata.namespace, task.metadata.name), encode(task)) for task in tasks]

    def tell(self, key: NamedKey, before: JobRun | None, after: JobRun) -> None:
        """What has become of the job, once it is written."""
        about = ObjectRef(kind="Job", name=key.name, uid=after.job_uid)
        same = before if before is not None and before.job_uid == after.job_uid else None
        known = (same.failures, same.last_failure) if same is not None else (0, "")
        if after.last_failure and known != (after.failures, after.last_failure):
            self._events.emit(about, key.namespace, "TaskFailed", after.last_failure, warning=True)
        if same is not None and same.phase is after.phase:
            return
        reason, message, warning = _news(after)
        self._events.emit(about, key.namespace, reason, message, warning=warning)


def _only_dispatched(record: ObjectRecord) -> bool:
    return isinstance(record.value, Job) and record.value.spec.parameters is not None


class _Taken(Container[str]):
    """Names under which there is something, whatever it is: what is there of the job's own it does not make again."""

    def __init__(self, entries: Mapping[str, Entry], namespace: str) -> None:
        self._entries = entries
        self._namespace = namespace

    def __contains__(self, name: object) -> bool:
        return keys.task(self._namespace, str(name)) in self._entries


def _news(run: JobRun) -> tuple[str, str, bool]:
    match run.phase:
        case JobPhase.RUNNING:
            return "Started", "its tasks are made", False
        case JobPhase.SUSPENDED:
            return "Suspended", "no task is made until it is resumed", False
        case JobPhase.COMPLETE:
            return run.reason, run.message, False
        case JobPhase.FAILED:
            return run.reason, run.message, True
