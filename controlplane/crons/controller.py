"""The cron controller's loop: which crons to look at, what is known of each, and the commits that follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from controlplane.admission import removal_of
from controlplane.cluster import CacheChange, ChangeKind, ObjectRecord, TicksRecord
from controlplane.crons.decide import Decision, Situation, decide, job_name, new_job, pending
from controlplane.crons.gather import made_jobs, unread_record
from controlplane.leading import Look, Means, OwnerLoop, Proposal, Write
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Cron, CronRun, ObjectRef, encode, key_of
from taskyard.store.api import Delete, Operation, Put, absent, unchanged


class CronController(OwnerLoop[CronRun]):
    """Keys are crons. Run it in one thread, or step it."""

    kinds: ClassVar[Collection[ChangeKind]] = frozenset({"object"})

    def __init__(self, means: Means) -> None:
        super().__init__(means, "Cron", unread_record)

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

    def look(self, key: NamedKey, record: ObjectRecord) -> Look[CronRun]:
        known = self.cache.ticks.get(key)
        decision = self._decide(record, known)
        proposals = self._proposals(key, record, known, decision)
        return Look(proposals, known.run if known else None, decision.run, decision.again_in)

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

    def note(self, proposal: Proposal[Write], revision: int) -> None:
        super().note(proposal, revision)
        key = proposal.subject.owner
        record = self.cache.objects.get(ObjectKey("Cron", *key))
        if proposal.subject.what == "replace" and record is not None:
            about = ObjectRef(kind="Cron", name=key.name, uid=record.uid)
            text = (
                f"job/{proposal.subject.name} has not finished, and the next is due: it is deleted (overlap: replace)"
            )
            self._events.emit(about, key.namespace, "Replaced", text, warning=True)

    def tell(self, key: NamedKey, before: CronRun | None, after: CronRun) -> None:
        about = ObjectRef(kind="Cron", name=key.name, uid=after.cron_uid)
        same = before if before is not None and before.cron_uid == after.cron_uid else CronRun(cron_uid="")
        if after.made != same.made:
            self._events.emit(about, key.namespace, "JobMade", f"job/{after.job} is made for {after.last}")
        if after.skipped != same.skipped:
            self._events.emit(about, key.namespace, "Skipped", after.message, warning=True)
