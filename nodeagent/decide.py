"""What to do next about one task on this node: an ordered table of rules, the first that has something to say wins.

Pure. The agent asks again after each action and whenever something changed, so a rule only ever names the next step;
every sequence (intent, create, start, report) comes from asking repeatedly. After a crash the same question, asked
of what store and runtime still know, continues where it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from msgspec.structs import replace

from nodeagent import fetching, memory_news, progress, sidecars
from nodeagent.actions import (
    Action,
    CheckImage,
    CreateAndStart,
    Forget,
    Hold,
    Look,
    Nothing,
    Publish,
    Pull,
    Remove,
    Report,
    RunHook,
    Signal,
    Start,
    Wait,
)
from nodeagent.clearing import clear, fenced, stop, tidy
from nodeagent.fetching import PULLING
from nodeagent.logins import wish_for
from nodeagent.names import MAIN, NETWORK, SPEC_HASH, Run
from nodeagent.restart import EARLY, wait_before
from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.situation import (
    Container,
    HookRan,
    ImageAbsent,
    ImageHere,
    ImagePulled,
    NameTaken,
    NotYet,
    Outcome,
    PullFailed,
    Situation,
    StartRefused,
)
from nodeagent.steps import container_of, image_of, in_stop_order, init_of, is_started, name_of, next_step, of_attempt
from taskyard.clock import parse_timestamp
from taskyard.objects import Assignment, TaskState, TaskStatus
from taskyard.objects.status import STOPPED

KEPT_ATTEMPTS = 2
"""Containers kept for their logs: the current attempt's and the one before."""

EpochRule = Callable[[Situation, Assignment, TaskStatus], Action | None]


def decide(situation: Situation) -> Action:
    if situation.unsure:
        return Look(situation.unsure)
    assignment = situation.assignment
    if assignment is None and situation.kept and situation.containers and not fenced(situation, situation.containers):
        return Nothing()
    if assignment is None:
        return clear(situation, situation.containers, None) or tidy(situation) or Forget()
    others = tuple(one for one in situation.containers if not _made_for(assignment, one))
    if others and _runs_on(situation, assignment, others):
        situation = replace(situation, containers=(), runs_on=True)
    elif clearing := clear(situation, others, None):
        return clearing
    if assignment.desired == "Stopped":
        return _stop_for_good(situation, assignment)
    status = situation.status
    if status is None or status.epoch != assignment.epoch:
        if situation.runs_on and situation.outcome is None and assignment.spec.pull_policy != "Always":
            return CheckImage(assignment.spec.image)  # Mostly it is here, and there is nothing to say before the stop.
        newest = situation.containers[-1].run.attempt if situation.containers else 1
        return progress.intent(assignment, newest, situation.now)
    for rule in RULES:
        action = rule(situation, assignment, status)
        if action:
            return _after_the_rest(situation, status, action)
    return Nothing()


def _made_for(assignment: Assignment, one: Container) -> bool:
    """A store that was restored gives out epochs a second time, perhaps for another spec."""
    same_spec = one.info.labels.get(SPEC_HASH, assignment.spec_hash) == assignment.spec_hash
    return one.run.epoch == assignment.epoch and same_spec


def _runs_on(situation: Situation, assignment: Assignment, others: tuple[Container, ...]) -> bool:
    """The version before stays up until the new one's image is here: an update costs a stop and a start, no more.

    Not so a singleton, whose watchdog answers for the container of its status, and for no other.
    """
    status = situation.status
    alone = assignment.spec.singleton or fenced(situation, others)
    wanted = assignment.desired == "Running" and not alone and len(others) == len(situation.containers)
    over = status is not None and status.epoch == assignment.epoch and status.state.terminal
    begun = any(one.info.id in situation.signalled for one in others)
    here = isinstance(situation.outcome, (ImageHere, ImagePulled))
    return wanted and not over and not begun and not here and any(one.running for one in others)


def _stop_for_good(situation: Situation, assignment: Assignment) -> Action:
    clearing = clear(situation, situation.containers, assignment.grace_period) or tidy(situation)
    if clearing:
        return clearing
    status = situation.status
    if status is None or status.epoch != assignment.epoch or not status.state.terminal:
        return progress.stopped(assignment, status, situation.ended, situation.now)
    return _publish(situation, assignment, status) or Nothing()


def _catch_up(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    newest = situation.containers[-1].run.attempt if situation.containers else 0
    missed = newest - status.attempt
    return progress.caught_up(status, newest, situation.now, missed=missed) if missed > 0 else None


def _go_on(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    """It was stopped for a wish that a restored store does not know of, or that somebody took back by hand."""
    stopped = status.state is TaskState.COMPLETED and status.reason == STOPPED
    return progress.caught_up(status, status.attempt + 1, situation.now) if stopped else None


def _publish(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    """Before any step that rests on it; while the store is away the known task goes on without."""
    return Publish(status) if situation.store_reachable and status != situation.written else None


def _stop_earlier_attempts(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    """Never two at once, and none at all once the task is over: its resources count as free."""
    over = status.state.terminal
    for one in in_stop_order(c for c in situation.containers if over or c.run.attempt < status.attempt):
        if one.running:
            return stop(situation, one, None, last=Signal(one.info.id, "SIGKILL"))
    return None


def _remove_what_never_ran(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    """Of an attempt that is over. It has no log to be kept for, and the next one may want the devices it was made with.
    Not while the store is away: it is what tells the next agent of the attempt."""
    if not situation.store_reachable:
        return None
    for one in situation.containers:
        over = one.run.attempt < status.attempt or status.state.terminal
        if over and one.info.state is ContainerState.CREATED and not one.info.started_at:
            return Remove(one.info.id, force=False)
    return None


def _remove_old_attempts(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    settled = status.state in (TaskState.RUNNING, TaskState.COMPLETED, TaskState.FAILED)
    # An attempt that waits for its time has no container yet; one that never gets to run must not leave one each time.
    newest = status.attempt if settled else status.attempt - 1
    oldest = next(iter(in_stop_order(situation.containers)), None)
    if (settled or status.next_attempt_at) and oldest and oldest.run.attempt <= newest - KEPT_ATTEMPTS:
        return Remove(oldest.info.id, force=False)
    return None


def _rest_when_over(situation: Situation, _: Assignment, status: TaskStatus) -> Action | None:
    if not status.state.terminal:
        return None
    since = parse_timestamp(status.finished_at) if status.finished_at else situation.now
    left = since + situation.keep_ended - situation.now if situation.containers else inf
    if left <= 0:
        # Its log has been there for long enough.
        return Remove(in_stop_order(situation.containers)[0].info.id, force=False)
    return Wait(left) if left < inf else Nothing()


def _notice_the_loss(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    lost = not situation.current and status.state in (TaskState.RUNNING, TaskState.STOPPING)
    return progress.gone(assignment, status, situation.now) if lost else None


def _image_due(situation: Situation, assignment: Assignment) -> str:
    """While the version before is up it is the task's own: what stops that must not then wait for an image."""
    return assignment.spec.image if situation.runs_on else image_of(assignment.spec, next_step(situation))


def _settle_the_outcome(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    if situation.outcome is None or sidecars.is_theirs(situation, status):
        return None
    now, image = situation.now, _image_due(situation, assignment)
    match situation.outcome:
        case NameTaken(message):
            return progress.waiting(assignment, status, "NameTaken", message, now)
        case StartRefused(message, reason):
            name = name_of(assignment.spec, next_step(situation))
            message = f"{name}: {message}" if name else message
            return progress.could_not_start(assignment, status, reason, message, now)
        case NotYet(reason, message):
            return progress.waiting(assignment, status, reason, message, now)
        case PullFailed(message, reason):
            failed = f"image {image} could not be pulled: {message}"
            return progress.waiting(assignment, status, reason, failed, now)
        case ImageAbsent() if assignment.spec.pull_policy == "Never":
            missing = f"image {image} is not on this node, and pullPolicy Never forbids to fetch it"
            return progress.waiting(assignment, status, "ImageMissing", missing, now)
        case ImageAbsent():
            return fetching.pulling(image, status, now, runs_on=situation.runs_on)
        case ImagePulled() if status.reason == PULLING:
            return fetching.pulled(image, status, situation.outcome, now)
        case _:
            return None


def _wait_for_the_next_attempt(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    current = situation.current
    if not status.next_attempt_at or (current and current.info.state is not ContainerState.CREATED):
        return None
    left = parse_timestamp(status.next_attempt_at) - situation.now
    longest = wait_before(assignment.spec.restart.backoff, status.backoff_step)
    # More than the whole wait: the wall clock was set back, which must not turn seconds into hours.
    return Wait(left) if EARLY < left <= longest + 1 else None


def _hold(situation: Situation, assignment: Assignment, _: TaskStatus) -> Action | None:
    """Whatever runs of a singleton."""
    if not assignment.spec.singleton:
        return None
    answered_for = situation.held | situation.condemned
    loose = (one for one in of_attempt(situation) if one.running and one.info.id not in answered_for)
    return next((Hold(one.info.id) for one in loose), None)


def _follow_step(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    """What comes before the task itself and whose turn it is, once it has a container."""
    step = next_step(situation)
    one = container_of(situation, step) if step != MAIN else None
    if one is None:
        return None
    init = init_of(assignment.spec, step)
    info, now = one.info, situation.now
    if info.state is ContainerState.CREATED and info.id in situation.condemned:
        return Remove(info.id, force=True)
    if info.state is ContainerState.CREATED:
        return Start(one.run, info.id)
    if not one.running and info.id in situation.condemned:
        return progress.fenced(assignment, status, info, now)
    if init is None:
        return progress.could_not_start(assignment, status, "NetworkLost", progress.NETWORK_LOST, now)
    due = memory_news.news_due(situation, info, limited=memory_news.is_limited(assignment))
    if due and not one.running:
        return Wait(due)
    if not one.running:
        return progress.init_failed(assignment, status, init.name, info, now)
    return progress.initialising(assignment, status, step, now) or Nothing()


def _create(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    if situation.current:
        return None
    step, image = next_step(situation), _image_due(situation, assignment)
    if situation.written is None or situation.written.epoch != assignment.epoch:
        return Nothing()  # The intent has to be durable; the write is tried again when the store is back.
    if step == NETWORK and not situation.runs_on:
        return CreateAndStart(Run(status.uid, status.epoch, status.attempt, step))
    if status.reason == PULLING:
        if not situation.fetching:
            return Pull(wish_for(assignment, image))
        return fetching.pulling_on(image, status, situation.transferred, situation.now) or Nothing()
    if assignment.spec.pull_policy == "Always" and not isinstance(situation.outcome, ImagePulled):
        return fetching.pulling(image, status, situation.now, runs_on=situation.runs_on)
    if situation.runs_on:
        return CheckImage(image)
    run = Run(status.uid, status.epoch, status.attempt, step)
    return CreateAndStart(run, start=is_started(assignment.spec, step))


def _follow_the_container(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    current = situation.current
    if not current:
        return None
    info, now = current.info, situation.now
    if info.state is ContainerState.CREATED and info.id in situation.condemned:
        return Remove(info.id, force=True)  # Its start would come too late; another container takes its place.
    if info.state is ContainerState.CREATED:
        return Start(current.run, info.id)
    if not current.running and info.id in situation.condemned:
        return progress.fenced(assignment, status, info, now)
    if not current.running:
        return _wind_down(situation, status, None) or _exited(situation, assignment, status, info)
    hook = assignment.spec.hooks.post_start
    if hook and status.state is TaskState.STARTING and not isinstance(situation.outcome, HookRan):
        return RunHook(info.id)
    if status.state is TaskState.STOPPING:
        return stop(situation, current, None, last=Signal(info.id, "SIGKILL"))
    if info.health == "unhealthy":
        return progress.unhealthy(status, progress.unhealthy_reason(assignment), now)
    if situation.checks.failed:
        return progress.unhealthy(status, situation.checks.failed, now)
    if sidecars.network_lost(situation, assignment):
        return progress.unhealthy(status, progress.NETWORK_LOST, now)
    beside = sidecars.statuses(situation, assignment, status)
    trouble = sidecars.trouble(beside)
    ready = situation.checks.ready and info.health in ("", "healthy") and not trouble
    message = progress.not_ready(situation.checks.unready or trouble)
    ports = progress.host_ports(assignment, info.ports)
    told = (status.state, status.container_id, status.health, status.ready, status.message, status.ports)
    seen = (TaskState.RUNNING, info.id, info.health, ready, message, ports)
    if (told, status.sidecars) != (seen, beside):
        return progress.running(assignment, status, info, now, ready=ready, message=message, sidecars=beside)
    if situation.outdated and not assignment.spec.run_once:
        return progress.outdated(status, situation.outdated, now)
    failing = (
        stop(situation, one, None, last=Signal(one.info.id, "SIGKILL"))
        for one in sidecars.to_restart(situation, status)
    )
    actions = [*failing, sidecars.next_action(situation, assignment, status)]
    waits = [action.seconds for action in actions if isinstance(action, Wait)]
    waits += [
        max(due - situation.monotonic, 0.0)
        for due in (situation.checks.due, sidecars.soonest_check(situation))
        if due is not None
    ]
    first = next((action for action in actions if action and not isinstance(action, Wait)), None)
    return first or (Wait(min(waits)) if waits else None)


def _exited(situation: Situation, assignment: Assignment, status: TaskStatus, info: ContainerInfo) -> Action:
    told = progress.exited(assignment, status, info, situation.now)
    at_once = status.state is TaskState.STOPPING or not told.status.state.terminal
    due = 0.0 if at_once else memory_news.news_due(situation, info, limited=memory_news.is_limited(assignment))
    return Wait(due) if due else told


def _put_the_last_exit_right(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
    return memory_news.put_right(situation, assignment, status)


def _after_the_rest(situation: Situation, status: TaskStatus, action: Action) -> Action:
    """What ends the task is told once nothing of it runs any more, also where its own container never ran."""
    if not isinstance(action, Report) or status.state.terminal or not action.status.state.terminal:
        return action
    return _wind_down(situation, status, situation.outcome) or action


def _wind_down(situation: Situation, status: TaskStatus, known: Outcome | None) -> Action | None:
    """The task itself has ended: what ran beside it is stopped before that is told, as it counts until then. `known`:
    what has to be known then still."""
    one = sidecars.to_wind_down(situation)
    if one is None:
        return None
    telling = progress.winding_down(status, situation.now, known)
    return telling or stop(situation, one, None, last=Signal(one.info.id, "SIGKILL"))


RULES: tuple[EpochRule, ...] = (
    _catch_up,
    _go_on,
    _put_the_last_exit_right,
    _publish,
    _stop_earlier_attempts,
    _remove_what_never_ran,
    _remove_old_attempts,
    _rest_when_over,
    _hold,
    _notice_the_loss,
    _settle_the_outcome,
    _wait_for_the_next_attempt,
    _follow_step,
    _create,
    _follow_the_container,
)
"""For an assignment that is to run, with a status of its epoch. First match wins."""
