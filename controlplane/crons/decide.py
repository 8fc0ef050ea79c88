"""What is to be done next for one cron: a job to make, others to delete, and when to look again. Pure.

Of all times that were due since the last one that was seen to only the latest counts. Its job's name says which it is,
and the record that it was seen to goes into one transaction with the job: so it is made once, whoever leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from taskyard.clock import parse_timestamp, timestamp
from taskyard.objects import Cron, CronRun, Job, JobPhase, Metadata, Owner
from taskyard.objects.cron import CRON, SCHEDULED_AT
from taskyard.quantity import seconds
from taskyard.schedule import due_after, latest_due
from taskyard.store.api import Entry

_SOON = 0.05
"""Seconds: what is due is looked at again once it surely is."""
_FARTHEST = 3600.0
"""Seconds after which it looks again in any case: the clock may have been set."""


@dataclass(frozen=True, slots=True)
class MadeJob:
    """`phase` None: the job controller has not looked at it yet."""

    job: Job
    entry: Entry
    phase: JobPhase | None

    @property
    def going(self) -> bool:
        return bool(self.job.metadata.deletion_timestamp)

    @property
    def active(self) -> bool:
        return self.going or self.phase is None or not self.phase.finished


@dataclass(frozen=True, slots=True)
class Situation:
    """One cron as of one revision. `now`: seconds since the epoch."""

    cron: Cron
    run: CronRun | None
    jobs: Sequence[MadeJob]
    now: float
    taken: bool = False
    """There is a job already, of whatever owner, whose name is that of the one to make."""


@dataclass(slots=True)
class Decision:
    run: CronRun
    due: float | None = None
    """A job is to be made for this time."""
    removes: list[MadeJob] = field(default_factory=list)
    """Those that are too many, and those that give way to the next."""
    again_in: float | None = None
    """Seconds until time alone makes a difference."""


def job_name(cron: str, due: float) -> str:
    """`nightly-29412345`: the minutes since the epoch."""
    return f"{cron}-{int(due // 60)}"


def pending(cron: Cron, run: CronRun | None, now: float) -> float | None:
    """The time that is due, and was not seen to."""
    known = run if run is not None and run.cron_uid == cron.metadata.uid else None
    since = known.last if known is not None and known.last else cron.metadata.created_at
    if not since:
        return None  # Put by hand, and not completed yet.
    return latest_due(cron.spec.schedule, cron.spec.time_zone, parse_timestamp(since), now)


def decide(situation: Situation) -> Decision:
    cron, spec, now = situation.cron, situation.cron.spec, situation.now
    run = situation.run
    if run is None or run.cron_uid != cron.metadata.uid:
        run = CronRun(cron_uid=cron.metadata.uid)
    decision = Decision(run, removes=_too_old(situation))
    due = pending(cron, situation.run, now)
    if due is not None:
        _see_to(situation, decision, due)
    following = next(due_after(spec.schedule, spec.time_zone, now), None)
    decision.again_in = _FARTHEST if following is None else min(following - now + _SOON, _FARTHEST)
    return decision


def _see_to(situation: Situation, decision: Decision, due: float) -> None:
    spec = situation.cron.spec
    active = [each for each in situation.jobs if each.active]
    skipped = _why_not(situation, due, active)
    if skipped:
        run = decision.run
        decision.run = replace(run, last=timestamp(due), skipped=run.skipped + 1, message=skipped)
        return
    if active and spec.overlap == "replace":
        decision.removes += [each for each in active if not each.going]
        return  # Its turn comes as soon as they are gone.
    name = job_name(situation.cron.metadata.name, due)
    decision.due = due
    decision.run = replace(decision.run, last=timestamp(due), job=name, made=decision.run.made + 1)


def _why_not(situation: Situation, due: float, active: list[MadeJob]) -> str:
    spec, at = situation.cron.spec, timestamp(due)
    if spec.suspend:
        return f"{at}: it is suspended"
    if situation.taken:
        return f"{at}: there is a job/{job_name(situation.cron.metadata.name, due)} already"
    deadline = spec.starting_deadline
    if deadline is not None and situation.now - due > seconds(deadline):
        return f"{at}: it was missed, and startingDeadline ({deadline}) is over"
    if active and spec.overlap == "forbid":
        return f"{at}: job/{active[0].job.metadata.name} has not finished"
    return ""


def _too_old(situation: Situation) -> list[MadeJob]:
    history = situation.cron.spec.history
    found: list[MadeJob] = []
    for phase, most in ((JobPhase.COMPLETE, history.succeeded), (JobPhase.FAILED, history.failed)):
        over = [each for each in situation.jobs if each.phase is phase and not each.going]
        over.sort(key=lambda each: each.job.metadata.created_at)
        found += over[: max(len(over) - most, 0)]
    return found


def new_job(cron: Cron, due: float, uid: str, created_at: str) -> Job:
    template, metadata = cron.spec.template, cron.metadata
    made = Metadata(
        name=job_name(metadata.name, due),
        namespace=metadata.namespace,
        labels={**template.metadata.labels, CRON: metadata.name},
        annotations={**template.metadata.annotations, SCHEDULED_AT: timestamp(due)},
        uid=uid,
        generation=1,
        created_at=created_at,
        owner=Owner(kind="Cron", name=metadata.name, uid=metadata.uid),
    )
    return Job(metadata=made, spec=template.spec)
