"""What becomes of the containers beside a task that runs: which is started next, which waits, how they all are. Pure.

A sidecar that ends is started again, its own container, with the task's backoff and whatever the restart policy: it has
no end of its own. One whose checks fail is stopped for that, alone. What it has been through is in the task's status,
so a new agent goes on with its wait. Called by decide.py once the task's own container runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nodeagent import memory_news
from nodeagent.actions import Action, Pull, Remove, StartSidecar, Wait
from nodeagent.checks.state import NO_CHECKS, Asked, named
from nodeagent.logins import wish_for
from nodeagent.names import MAIN, NETWORK, Run
from nodeagent.restart import luck, wait_before
from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.situation import (
    Container,
    ImagePulled,
    NotYet,
    PullFailed,
    SidecarFailed,
    SidecarImageAbsent,
    Situation,
)
from nodeagent.steps import container_of, has_network_step, image_of, in_stop_order, numbered_sidecars, of_attempt
from nodeagent.wording import described_exit, in_about
from taskyard.clock import parse_timestamp, timestamp
from taskyard.objects import Assignment, Backoff, Sidecar, SidecarStatus, TaskStatus
from taskyard.quantity import seconds

RUNNING, STARTING, PULLING, BACK_OFF = "Running", "Starting", "Pulling", "BackOff"
STOPPING, STOPPED = "Stopping", "Stopped"


def statuses(situation: Situation, assignment: Assignment, status: TaskStatus) -> list[SidecarStatus]:
    """Of all, by what is there now and what was known."""
    known = {one.name: one for one in status.sidecars}
    return [
        _status(situation, assignment, step, sidecar, known.get(sidecar.name))
        for step, sidecar in numbered_sidecars(assignment.spec)
    ]


def trouble(found: list[SidecarStatus]) -> str:
    """Why the task is not ready, for their sake; empty when all run."""
    if not found:
        return ""
    ended = next((one for one in found if one.state == BACK_OFF), None)
    if ended:
        return f"sidecar {ended.name} {ended.message}"
    pulling = next((one for one in found if one.state == PULLING), None)
    if pulling:
        return f"sidecar {pulling.name}: {pulling.message}"
    stopping = next((one for one in found if one.state == STOPPING), None)
    if stopping:
        return f"sidecar {stopping.name} is being stopped: {stopping.message}"
    starting = next((one for one in found if one.state != RUNNING), None)
    if starting:
        return f"sidecar {starting.name} is being started"
    unready = next((one for one in found if one.message), None)
    return f"sidecar {unready.name}: {unready.message}" if unready else ""


def to_ask(assignment: Assignment, status: TaskStatus, containers: Sequence[Container]) -> list[Asked]:
    """Those whose checks are to be made."""
    if not any(named(sidecar.checks) for sidecar in assignment.spec.sidecars):
        return []
    known = {one.name: one for one in status.sidecars}
    found = []
    for step, sidecar in numbered_sidecars(assignment.spec):
        run = Run(status.uid, assignment.epoch, status.attempt, step)
        one = next((one for one in containers if one.run == run and one.running), None)
        said = known.get(sidecar.name)
        if one and not (said and said.state == STOPPING):
            was_ready = said is not None and (said.state, said.message) == (RUNNING, "")
            found.append(Asked(step, one.info, sidecar.checks, was_ready))
    return found


def soonest_check(situation: Situation) -> float | None:
    """When one of them is asked next, in monotonic seconds."""
    return min((each.due for each in situation.checks_beside.values() if each.due is not None), default=None)


def to_restart(situation: Situation, status: TaskStatus) -> list[Container]:
    """Those whose checks failed, as far as they run still."""
    named_so = {one.container_name for one in status.sidecars if one.state == STOPPING}
    if not named_so:
        return []
    return [one for one in of_attempt(situation) if one.running and one.info.name in named_so]


def is_theirs(situation: Situation, status: TaskStatus) -> bool:
    """What came of the last try is about one of them: the task itself runs, and is not to hear of it."""
    if isinstance(situation.outcome, SidecarFailed | SidecarImageAbsent):
        return True
    pulled = isinstance(situation.outcome, ImagePulled | PullFailed | NotYet)
    return pulled and situation.current is not None and any(one.state == PULLING for one in status.sidecars)


def network_lost(situation: Situation, assignment: Assignment) -> bool:
    """What holds the network of them all has ended: nobody can reach the task, and it cannot reach anybody."""
    if not has_network_step(assignment.spec):
        return False
    holder = container_of(situation, NETWORK)
    return not (holder and holder.running)


def next_action(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    """None when all run. `status` has what `statuses` found."""
    soonest: Wait | None = None
    for (step, sidecar), known in zip(numbered_sidecars(assignment.spec), status.sidecars, strict=True):
        one = container_of(situation, step)
        if one and one.running:
            continue
        if one and one.info.id in situation.condemned:
            return Remove(one.info.id, force=True)  # Another takes its place: this one is killed as soon as it starts.
        due = _news_due(situation, one, sidecar)
        if due:
            soonest = Wait(min(due, soonest.seconds if soonest else due))
            continue
        left = parse_timestamp(known.next_start_at) - situation.now if known.next_start_at else 0.0
        # More than the whole wait: the wall clock was set back, which must not turn seconds into hours.
        if 0 < left <= wait_before(assignment.spec.restart.backoff, known.backoff_step) + 1:
            soonest = Wait(min(left, soonest.seconds if soonest else left))
            continue
        if known.state == PULLING:
            if not situation.fetching:
                return Pull(wish_for(assignment, image_of(assignment.spec, step)))
            continue
        run = Run(status.uid, status.epoch, status.attempt, step)
        return StartSidecar(run, one.info.id if one else "")
    return soonest


def to_wind_down(situation: Situation) -> Container | None:
    """Which is to be stopped next when the task itself has ended; None when none runs any more."""
    return next((one for one in in_stop_order(of_attempt(situation)) if one.running and one.run.step != MAIN), None)


def stopped(status: TaskStatus) -> TaskStatus:
    """Once the task has ended, and they have been stopped."""
    ended = [msgspec.structs.replace(one, state=STOPPED, message="", next_start_at="") for one in status.sidecars]
    return msgspec.structs.replace(status, sidecars=ended)


def _status(
    situation: Situation, assignment: Assignment, step: int, sidecar: Sidecar, known: SidecarStatus | None
) -> SidecarStatus:
    one, known = container_of(situation, step), known or SidecarStatus(name=sidecar.name, state=STARTING)
    backoff, outcome, now = assignment.spec.restart.backoff, situation.outcome, situation.now
    if one and one.running:
        return _of_one_that_runs(situation, step, one.info, known)
    failure = _failure(situation, assignment, step, known)
    if failure:
        return _again(situation, backoff, known, f"could not start: {failure}", ended_at=now, ran=0.0)
    if isinstance(outcome, SidecarImageAbsent) and outcome.step == step:
        message = f"image {image_of(assignment.spec, step)} is being fetched"
        return msgspec.structs.replace(known, state=PULLING, message=message, next_start_at="")
    if known.state == PULLING and not isinstance(outcome, ImagePulled):
        return known
    if one is None or one.info.state is ContainerState.CREATED:
        waits = known.state == BACK_OFF and bool(known.next_start_at)
        return known if waits else msgspec.structs.replace(known, state=STARTING, message="")
    if _news_due(situation, one, sidecar):
        return known
    ended_at = one.info.finished_at or now
    if known.finished_at == timestamp(ended_at):
        return known
    if not one.info.finished_at and known.state == BACK_OFF:
        return known  # A runtime that cannot tell when it ended would have it end anew at every look.
    ran = max(0.0, ended_at - one.info.started_at)
    how = "ran out of memory" if one.info.oom_killed else described_exit(one.info.exit_code)
    if known.state == STOPPING:
        how = f"was stopped: {known.message}"
    ended = msgspec.structs.replace(
        known, container_name=one.info.name, exit_code=one.info.exit_code, finished_at=timestamp(ended_at)
    )
    return _again(situation, backoff, ended, how, ended_at=ended_at, ran=ran)


def _of_one_that_runs(situation: Situation, step: int, info: ContainerInfo, known: SidecarStatus) -> SidecarStatus:
    if known.state == STOPPING:
        return known
    verdict = situation.checks_beside.get(step, NO_CHECKS)
    failed = "its health check fails" if info.health == "unhealthy" else verdict.failed
    unready = "its health check has yet to pass" if info.health == "starting" else verdict.unready
    return msgspec.structs.replace(
        known,
        state=STOPPING if failed else RUNNING,
        container_name=info.name,
        message=failed or unready,
        next_start_at="",
    )


def _news_due(situation: Situation, one: Container | None, sidecar: Sidecar) -> float:
    """Seconds until it is known whether it was killed for its memory."""
    limited = sidecar.resources.memory is not None
    return memory_news.news_due(situation, one.info, limited=limited) if one and not one.running else 0.0


def _failure(situation: Situation, assignment: Assignment, step: int, known: SidecarStatus) -> str:
    """Of its last start, or of the pull that it needs; empty: none."""
    outcome, image = situation.outcome, image_of(assignment.spec, step)
    match outcome:
        case SidecarFailed() if outcome.step == step:
            return outcome.message
        case SidecarImageAbsent() if outcome.step == step and assignment.spec.pull_policy == "Never":
            return f"image {image} is not on this node, and pullPolicy Never forbids to fetch it"
        case SidecarImageAbsent() if outcome.step == step and _another_pulls(situation, known):
            return f"image {image} is not on this node, and is fetched after another's"
        case PullFailed() if known.state == PULLING:
            return f"image {image} could not be pulled: {outcome.message}"
        case NotYet() if known.state == PULLING:
            return outcome.message
        case _:
            return ""


def _another_pulls(situation: Situation, known: SidecarStatus) -> bool:
    """One at a time: what comes of a pull is the task's, and does not say whose image it was."""
    beside = situation.status.sidecars if situation.status else []
    return any(one.state == PULLING and one.name != known.name for one in beside)


def _again(
    situation: Situation, backoff: Backoff, known: SidecarStatus, how: str, *, ended_at: float, ran: float
) -> SidecarStatus:
    step = 1 if ran >= seconds(backoff.reset) else known.backoff_step + 1
    uid = situation.status.uid if situation.status else ""
    wait = wait_before(backoff, step, luck(uid + known.name, known.restarts, step))
    return msgspec.structs.replace(
        known,
        state=BACK_OFF,
        message=f"{how}; it is started again in {in_about(wait)}",
        restarts=known.restarts + 1,
        backoff_step=step,
        next_start_at=timestamp(ended_at + wait),
    )
