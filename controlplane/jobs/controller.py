"""The job controller's loop: which jobs to look at, what is known of each, and the commits that follow.

Of one job the record and the tasks made go into one transaction, a few times a second at most: ten thousand tasks that
end within a minute cost a few hundred writes of the record.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange, ObjectRecord, RunRecord
from controlplane.jobs.decide import Decision, Situation, decide
from controlplane.jobs.gather import job_tasks, run_once_jobs_on, unread_record
from controlplane.jobs.tasks import new_task, task_name
from controlplane.leading import Held, LeaderLoop, Means, Proposal, Write, carry_out
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Gang, Job, JobPhase, JobRun, ObjectRef, encode
from taskyard.store.api import Compare, Delete, Entry, Operation, Put, absent, unchanged

_log = logging.getLogger(__name__)

GIVEN_UP_AFTER = 300.0
"""Seconds that a node is lost before a task on it that runs once counts as one whose end nobody will know."""
_BEHIND = 0.05
"""Seconds after which a job is looked at again whose own last writes the cache has not seen."""
_APART = 0.25
"""Seconds between two writes for one job, so that many tasks which end one after the other are counted together."""
_MOST_TASKS = 100
_MOST_BYTES = 700_000
"""Of what is made in one transaction; etcd takes 128 operations and 1.5 MiB."""


class JobController(LeaderLoop[NamedKey]):
    """Keys are jobs. Run it in one thread, or step it."""

    kinds = ("object", "task", "assignment", "status", "result", "node")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._written: dict[NamedKey, tuple[int, float]] = {}
        """The revision of the last write for each job, until the cache has reached which it shows less; and when."""
        self._unfilled: set[NamedKey] = set()
        """Jobs of which a round made as many tasks as it could: the next need not wait for others to end."""
        self._held = Held(means, "Job", unread_record)

    def begin_term(self) -> None:
        self._held.clear()
        self._written.clear()
        self._unfilled.clear()

    def everything(self) -> Sequence[NamedKey]:
        return [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == "Job"]

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

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        proposals: list[Proposal[Write]] = []
        told: list[tuple[NamedKey, JobRun | None, JobRun]] = []
        with self.cache.lock:
            for key in batch:
                record = self.cache.objects.get(ObjectKey("Job", *key))
                if (
                    record is None
                    or not record.uid
                    or record.value.metadata.deletion_timestamp
                    or _only_dispatched(record)
                ):
                    self._written.pop(key, None)
                    self._held.forget(key)
                    self._unfilled.discard(key)
                elif self._held.holds(key, record.uid):
                    pass  # What it has run already nobody knows: to begin anew would run it twice.
                elif (wait := self._put_off(key)) > 0:
                    self.queue.add_after(key, wait)
                else:
                    known = self.cache.runs.get(key)
                    decision = self._decide(record, known)
                    proposals += self._proposals(key, record, known, decision)
                    if known is None or known.run != decision.run:
                        told.append((key, known.run if known else None, decision.run))
                    if decision.again_in is not None:
                        self.queue.add_after(key, decision.again_in)
        failed = carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda write: write.owner,
            what=lambda write: write.label("Job"),
            committed=self._note,
        )
        for key, before, after in told:
            if key not in failed:
                self._tell(key, before, after)
        return False

    def _put_off(self, key: NamedKey) -> float:
        """Seconds for which it is left alone."""
        revision, at = self._written.get(key, (0, float("-inf")))
        if self.cache.revision < revision:
            return _BEHIND
        return 0.0 if key in self._unfilled else at + _APART - self.clock.monotonic()

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

    def _note(self, proposal: Proposal[Write], revision: int) -> None:
        key = proposal.subject.owner
        self._written[key] = max(revision, self._written.get(key, (0, 0.0))[0]), self.clock.monotonic()

    def _tell(self, key: NamedKey, before: JobRun | None, after: JobRun) -> None:
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
