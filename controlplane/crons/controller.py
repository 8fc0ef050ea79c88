"""The cron controller's loop: which crons to look at, what is known of each, and the commits that follow."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import ClassVar

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange, ChangeKind, ObjectRecord, TicksRecord
from controlplane.crons.decide import Decision, Situation, decide, job_name, new_job, pending
from controlplane.crons.gather import made_jobs, unread_record
from controlplane.leading import Held, LeaderLoop, Means, Proposal, Write, carry_out
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Cron, CronRun, ObjectRef, encode, key_of
from taskyard.store.api import Compare, Delete, Operation, Put, absent, unchanged

_log = logging.getLogger(__name__)

_BEHIND = 0.05
"""Seconds after which a cron is looked at again whose own last writes the cache has not seen."""


class CronController(LeaderLoop[NamedKey]):
    """Keys are crons. Run it in one thread, or step it."""

    kinds: ClassVar[Collection[ChangeKind]] = frozenset({"object"})

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._held = Held(means, "Cron", unread_record)
        self._written: dict[NamedKey, int] = {}
        """The revision of the last write for each cron: until the cache has reached it, it shows less."""

    def begin_term(self) -> None:
        self._written.clear()
        self._held.clear()

    def everything(self) -> Sequence[NamedKey]:
        return [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == "Cron"]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        found: list[NamedKey] = []
        for change in changes:
            if change.kind != "object":
                continue
            found += [NamedKey(*key[1:]) for key in (change.object, change.owner) if key and key.kind == "Cron"]
            job = self.cache.objects.get(change.object) if change.object and change.object.kind == "Job" else None
            owner = job.value.metadata.owner if job is not None else None
            if owner is not None and owner.kind == "Cron" and change.object is not None:
                found.append(NamedKey(change.object.namespace, owner.name))
        return found

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        proposals: list[Proposal[Write]] = []
        told: list[tuple[NamedKey, CronRun | None, CronRun]] = []
        with self.cache.lock:
            for key in batch:
                record = self.cache.objects.get(ObjectKey("Cron", *key))
                if record is None or not record.uid or record.value.metadata.deletion_timestamp:
                    self._written.pop(key, None)
                    self._held.forget(key)
                elif self._held.holds(key, record.uid):
                    pass  # Which times it has seen to nobody knows: to begin anew might run the last one twice.
                elif self.cache.revision < self._written.get(key, 0):
                    self.queue.add_after(key, _BEHIND)
                else:
                    known = self.cache.ticks.get(key)
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
            what=lambda write: write.label("Cron"),
            committed=self._note,
        )
        for key, before, after in told:
            if key not in failed:
                self._tell(key, before, after)
        return False

    def _decide(self, record: ObjectRecord, known: TicksRecord | None) -> Decision:
        cron = record.value
        assert isinstance(cron, Cron)
        run, now = known.run if known else None, self.clock.now()
        due = pending(cron, run, now)
        taken = False
        if due is not None:
            place = ObjectKey("Job", cron.metadata.namespace, job_name(cron.metadata.name, due))
            taken = keys.object_key(place) in self.cache.informer.entries
        return decide(Situation(cron, run, made_jobs(self.cache, cron), now, taken))

    def _proposals(
        self, key: NamedKey, record: ObjectRecord, known: TicksRecord | None, decision: Decision
    ) -> list[Proposal[Write]]:
        """Each rests on the cron as it is, so that nothing is made for one that was changed or deleted."""
        cron = record.value
        assert isinstance(cron, Cron)
        same = unchanged(record.entry)
        found: list[Proposal[Write]] = []
        if known is None or known.run != decision.run:
            place = keys.ticks(*key)
            compares = [same, unchanged(known.entry) if known else absent(place)]
            operations: list[Operation] = [Put(place, encode(decision.run))]
            if decision.due is not None:
                job = new_job(cron, decision.due, self._new_uid(), timestamp(self.clock.now()))
                compares.append(absent(keys.object_key(key_of(job))))
                operations.append(Put(keys.object_key(key_of(job)), encode(job)))
            found.append(Proposal(Write("advance", key, key.name), tuple(compares), tuple(operations)))
        for old in decision.removes:
            removal = removal_of(old.job, self.clock.now())
            operation = Put(old.entry.key, encode(removal.value)) if removal.value else Delete(old.entry.key)
            write = Write("replace" if old.active else "remove", key, old.job.metadata.name)
            found.append(Proposal(write, (same, unchanged(old.entry)), (operation,)))
        return found

    def _note(self, proposal: Proposal[Write], revision: int) -> None:
        key = proposal.subject.owner
        self._written[key] = max(revision, self._written.get(key, 0))
        record = self.cache.objects.get(ObjectKey("Cron", *key))
        if proposal.subject.what == "replace" and record is not None:
            about = ObjectRef(kind="Cron", name=key.name, uid=record.uid)
            text = (
                f"job/{proposal.subject.name} has not finished, and the next is due: it is deleted (overlap: replace)"
            )
            self._events.emit(about, key.namespace, "Replaced", text, warning=True)

    def _tell(self, key: NamedKey, before: CronRun | None, after: CronRun) -> None:
        about = ObjectRef(kind="Cron", name=key.name, uid=after.cron_uid)
        same = before if before is not None and before.cron_uid == after.cron_uid else CronRun(cron_uid="")
        if after.made != same.made:
            self._events.emit(about, key.namespace, "JobMade", f"job/{after.job} is made for {after.last}")
        if after.skipped != same.skipped:
            self._events.emit(about, key.namespace, "Skipped", after.message, warning=True)
