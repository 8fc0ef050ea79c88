"""What is to be done next for one job: outcomes to count, tasks to make and to remove, and when it is over. Pure.

Each look starts from what there is. What ended is counted first; then the job is over, or suspended, or gets as many
tasks as its parallelism has room for: first those that are tried again, then those that were lost, then new ones.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from controlplane.jobs.ledger import End, Ledger, wait_before
from controlplane.jobs.tasks import JobTask, task_name
from taskyard.clock import parse_timestamp, timestamp
from taskyard.objects import Job, JobPhase, JobRun
from taskyard.quantity import seconds

_SOON = 0.05
"""Seconds: what is due is looked at again once it surely is."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One job as of one revision. `now`: seconds since the epoch."""

    job: Job
    run: JobRun | None
    """As stored; None, or another uid's, before the first look."""
    tasks: Sequence[JobTask]
    now: float
    taken: Container[str] = frozenset()
    """Names that a new task cannot have."""
    most: int = 100
    """Tasks that can be made in one round: with the record they go into one transaction."""


@dataclass(slots=True)
class Decision:
    run: JobRun
    makes: list[tuple[int, int]] = field(default_factory=list)
    """Index and attempt of each."""
    removes: list[JobTask] = field(default_factory=list)
    expired: bool = False
    """The job is to be deleted."""
    again_in: float | None = None
    """Seconds until time alone may make a difference."""


def decide(situation: Situation) -> Decision:
    job, stored = situation.job, situation.run
    if stored is None or stored.job_uid != job.metadata.uid:
        stored = JobRun(job_uid=job.metadata.uid)
    decision = Decision(stored)
    _prune(situation, stored, decision)
    if stored.phase.finished:
        _rest(situation, stored, decision)
        return decision
    once = job.spec.guarantee == "at-most-once"
    ledger = Ledger(job.spec, stored, situation.now)
    ledger.enter(situation.tasks)
    present = {each.index for each in situation.tasks if each.attempt == ledger.attempt(each.index)}
    if once:
        # What was made is in the record: one that is not there any more may have run.
        ledger.lose({index for index in ledger.settled.missing(stored.next) if index not in present})
    decision.run = ledger.run()
    live = [each for each in situation.tasks if each.live]
    end = ledger.end() or _late(situation, decision)
    if end is not None:
        _finish(situation, decision, end, live)
    elif job.spec.suspend:
        _suspend(decision, live, once)
    else:
        _fill(situation, decision, ledger, live, present)
    decision.removes += [each for each in situation.tasks if each.vanished and not each.going]
    return decision


def _prune(situation: Situation, stored: JobRun, decision: Decision) -> None:
    """Tasks that have ended, and were counted before, go when there are too many."""
    ledger = Ledger(situation.job.spec, stored, situation.now)
    settled = ledger.settled
    counted = [
        (each.outcome.finished_at, each.index, each)
        for each in situation.tasks
        if each.outcome is not None
        and not each.going
        and (stored.phase.finished or each.index in settled or each.attempt < ledger.attempt(each.index))
    ]
    counted.sort(key=lambda item: item[:2])
    decision.removes += [each for _, _, each in counted[: max(len(counted) - situation.job.spec.keep_tasks, 0)]]


def _rest(situation: Situation, run: JobRun, decision: Decision) -> None:
    """It is over: nothing runs on, and after its time to live it goes."""
    decision.removes += [each for each in situation.tasks if each.outcome is None and not each.going]
    ttl = situation.job.spec.ttl_after_finish
    if ttl is None:
        return
    left = parse_timestamp(run.finished_at) + seconds(ttl) - situation.now
    if left > 0:
        _look_again(decision, left)
    elif situation.job.metadata.source:
        # Whoever declares it would make it anew, and it would run again: it stays as the record that it has run.
        decision.removes = [each for each in situation.tasks if not each.going]
    else:
        decision.expired = True


def _late(situation: Situation, decision: Decision) -> End | None:
    deadline, started = situation.job.spec.active_deadline, decision.run.started_at
    if deadline is None or not started or situation.job.spec.suspend:
        return None
    left = parse_timestamp(started) + seconds(deadline) - situation.now
    if left > 0:
        _look_again(decision, left)
        return None
    return End(JobPhase.FAILED, "DeadlineExceeded", f"it was not complete {deadline} after it was started")


def _finish(situation: Situation, decision: Decision, end: End, live: list[JobTask]) -> None:
    """In one write; what still runs is stopped with the next look."""
    decision.run = replace(
        decision.run,
        phase=end.phase,
        reason=end.reason,
        message=end.message,
        finished_at=timestamp(situation.now),
        again={},
    )
    decision.again_in = None
    decision.removes += [each for each in live if not each.going]


def _suspend(decision: Decision, live: list[JobTask], once: bool) -> None:
    decision.run = replace(decision.run, phase=JobPhase.SUSPENDED, started_at="")
    if not once:
        decision.removes += [each for each in live if not each.going]


def _fill(situation: Situation, decision: Decision, ledger: Ledger, live: list[JobTask], present: set[int]) -> None:
    spec, run = situation.job.spec, decision.run
    if run.phase is JobPhase.SUSPENDED:
        run = replace(run, phase=JobPhase.RUNNING)
    room = spec.parallelism - len(live)
    staying = sorted((each for each in live if not each.going), key=lambda each: each.index)
    if len(staying) > spec.parallelism and spec.guarantee == "at-least-once":
        decision.removes += staying[spec.parallelism :]
    chosen: list[tuple[int, int]] = []
    following = run.next
    for index in _candidates(situation, decision, ledger, present):
        if len(chosen) >= min(room, situation.most):
            break
        following = max(following, index + 1)
        chosen.append((index, ledger.attempt(index)))
    started = run.started_at or (timestamp(situation.now) if chosen else "")
    decision.makes = chosen
    decision.run = replace(run, next=following, started_at=started)
    if chosen and not run.started_at and spec.active_deadline is not None:
        _look_again(decision, seconds(spec.active_deadline))


def _candidates(situation: Situation, decision: Decision, ledger: Ledger, present: set[int]) -> Iterator[int]:
    """Indexes that may have a task now. Of those whose time has not come it notes when that is."""
    job, run = situation.job, decision.run
    taken, name = situation.taken, job.metadata.name
    due = []
    for text, again in ledger.again.items():
        index, left = int(text), parse_timestamp(again.at) - situation.now
        # More than the whole wait: the wall clock was set back, which must not turn seconds into hours.
        if 0 < left <= wait_before(job.spec.retry.backoff, again.attempt) + 1:
            _look_again(decision, left)
        elif index not in present:
            due.append(index)
    waiting = {int(text) for text in ledger.again}
    lost = [index for index in ledger.settled.missing(run.next) if index not in present and index not in waiting]
    for index in (*sorted(due), *lost):
        if task_name(name, index, ledger.attempt(index)) not in taken:
            yield index
    for index in range(run.next, job.spec.completions):
        if task_name(name, index, 0) not in taken:
            yield index
        elif job.spec.guarantee == "at-most-once":
            return  # Whoever is passed over counts as made, and this one was not.


def _look_again(decision: Decision, delay: float) -> None:
    known = decision.again_in
    decision.again_in = delay + _SOON if known is None else min(known, delay + _SOON)
