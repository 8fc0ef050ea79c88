"""How a task's status moves on: from intent to Running, to the next attempt, to its end. Pure; called by decide.py.

Each function returns the Report to make. States only move forward within an attempt; a restart is a new attempt, and
the report that ends one attempt is the durable intent of the next.
"""

from __future__ import annotations

import msgspec

from nodeagent.actions import Happening, Report
from nodeagent.image_names import digest_of
from nodeagent.memory_news import ERROR, OOM_KILLED, out_of_memory
from nodeagent.restart import Again, Final, after_exit, luck, wait_before
from nodeagent.runtime.port import ContainerInfo, PublishedPort
from nodeagent.sidecars import stopped as with_sidecars_stopped
from nodeagent.situation import Outcome
from nodeagent.stops import why_stopped
from nodeagent.wording import described_exit, in_about
from taskyard.clock import parse_timestamp, timestamp
from taskyard.objects import Assignment, HostPort, LastExit, SidecarStatus, TaskState, TaskStatus
from taskyard.objects.status import STOPPED

VALUES_CHANGED = "ValuesChanged"
"""The reason of one that is stopped to be started again with other values."""
_WINDING_DOWN = "it has ended; its sidecars are being stopped"
NETWORK_LOST = "the container that holds its network has ended"


def intent(assignment: Assignment, attempt: int, now: float) -> Report:
    """The first word about an epoch; an attempt above 1 was found running when the status was lost."""
    return Report(
        TaskStatus(
            uid=assignment.uid,
            namespace=assignment.namespace,
            name=assignment.name,
            epoch=assignment.epoch,
            attempt=attempt,
            restarts=attempt - 1,
            state=TaskState.STARTING,
            reason="Starting",
            updated_at=timestamp(now),
        )
    )


def caught_up(status: TaskStatus, attempt: int, now: float, *, missed: int = 0) -> Report:
    """A later attempt than the status knows of is there: its intent could not be written when it began. The waits grow
    by what was `missed`, too, or a program that crashed while the store was away is hurried by another agent."""
    following = _next_attempt(
        status, attempt=attempt, restarts=max(status.restarts, attempt - 1), reason="Starting", now=now
    )
    return Report(msgspec.structs.replace(following, backoff_step=status.backoff_step + missed))


def running(
    assignment: Assignment,
    status: TaskStatus,
    found: ContainerInfo,
    now: float,
    *,
    ready: bool,
    message: str,
    sidecars: list[SidecarStatus],
) -> Report:
    fresh = status.state is not TaskState.RUNNING
    happening = Happening("Started", f"attempt {status.attempt} runs as {found.name}") if fresh else None
    if found.health == "healthy" and status.health != "healthy":
        happening = Happening("Healthy", "its health check passes")
    elif not fresh and ready and not status.ready:
        happening = Happening("Ready", "it is ready")
    elif not fresh and message and message != status.message:
        happening = Happening("NotReady", message, warning=True)
    return Report(
        msgspec.structs.replace(
            status,
            state=TaskState.RUNNING,
            reason="",
            message=message,
            container_id=found.id,
            container_name=found.name,
            image_digest=digest_of(found.image),
            ready=ready,
            ports=host_ports(assignment, found.ports),
            health=found.health,
            sidecars=sidecars,
            next_attempt_at="",
            started_at=timestamp(found.started_at),
            updated_at=timestamp(now),
        ),
        happening,
    )


def host_ports(assignment: Assignment, published: tuple[PublishedPort, ...]) -> list[HostPort]:
    """On the node's own network nothing is published: the program's ports are the node's."""
    if assignment.spec.network.mode == "host":
        own = [port for port in assignment.spec.ports if isinstance(port.host, int)]
        published = tuple(PublishedPort(port.container, port.protocol, port.container) for port in own)
    names: dict[tuple[int, str], str] = {(port.container, port.protocol): port.name for port in assignment.spec.ports}
    return [
        HostPort(
            container=port.container,
            host=port.host,
            protocol=port.protocol,
            name=names.get((port.container, port.protocol), ""),
            address=port.address,
        )
        for port in published
    ]


def not_ready(why: str) -> str:
    """The message of a task that runs; `why` empty: it is ready, or its health is told by itself."""
    return f"not ready: {why}" if why else ""


def winding_down(status: TaskStatus, now: float, known: Outcome | None) -> Report | None:
    """It has ended, and its sidecars are stopped before that is told; None when this is known."""
    if not status.ready and (status.message == _WINDING_DOWN or status.state is TaskState.STOPPING):
        return None
    told = msgspec.structs.replace(status, ready=False, message=_WINDING_DOWN, updated_at=timestamp(now))
    return Report(told, outcome=known)


def unhealthy_reason(assignment: Assignment) -> str:
    """Of the check that the runtime makes: the task's, or the image's own."""
    check = assignment.spec.health_check
    return f"its health check failed {check.retries} times in a row" if check else "its health check failed repeatedly"


def unhealthy(status: TaskStatus, message: str, now: float) -> Report:
    return Report(
        msgspec.structs.replace(
            status,
            state=TaskState.STOPPING,
            reason="Unhealthy",
            message=message,
            health="unhealthy",
            ready=False,
            updated_at=timestamp(now),
        ),
        Happening("Unhealthy", f"{message}; it is stopped", warning=True),
    )


def exited(assignment: Assignment, status: TaskStatus, found: ContainerInfo, now: float) -> Report:
    """The current attempt's container ended, by itself or because it was stopped for being unhealthy."""
    ran = max(0.0, found.finished_at - found.started_at)
    ended_at = found.finished_at or now
    succeeded = found.exit_code == 0
    status = msgspec.structs.replace(
        status,
        container_id=found.id,
        container_name=found.name,
        started_at=timestamp(found.started_at) if found.started_at else "",
    )
    # A job's that says it is done is done, whatever it was asked meanwhile: its work must not be done twice.
    finished = succeeded and bool(assignment.result_of) and status.reason == VALUES_CHANGED
    if status.state is TaskState.STOPPING and status.reason == VALUES_CHANGED and not finished:
        return _asked_for(status, found, VALUES_CHANGED, status.message, now)
    if status.state is TaskState.STOPPING and not finished:
        return _ended(assignment, status, status.reason, status.message, ended_at, now, code=found.exit_code, ran=ran)
    if found.oom_killed and not succeeded:
        # The kernel may also kill a child, which its parent gets over.
        reason, message = OOM_KILLED, out_of_memory(assignment)
    elif succeeded:
        reason, message = "Completed", "exited with code 0"
    else:
        reason, message = ERROR, described_exit(found.exit_code)
    return _ended(
        assignment, status, reason, message, ended_at, now, code=found.exit_code, ran=ran,
        oom=reason == OOM_KILLED, succeeded=succeeded,
    )  # fmt: skip


def fenced(assignment: Assignment, status: TaskStatus, found: ContainerInfo, now: float) -> Report:
    """A singleton that was stopped so that it does not outlive the lease. Not its own end: it starts again, whatever
    its restart policy, once the lease is certain and if it is still assigned here; but not what is to run once."""
    if assignment.spec.run_once:
        message = "stopped because the node's lease could have expired"
        ran = max(0.0, found.finished_at - found.started_at)
        ended_at = found.finished_at or now
        return _ended(assignment, status, "Fenced", message, ended_at, now, code=found.exit_code, ran=ran)
    message = "stopped because the node's lease could have expired; it starts again once the lease is certain"
    return _asked_for(status, found, "Fenced", message, now)


def outdated(status: TaskStatus, changed: str, now: float) -> Report:
    """Its Secret or Config is another now, and it asks to be restarted for that."""
    message = f"{changed} has changed; it is started again with the new values"
    return Report(
        msgspec.structs.replace(
            status,
            state=TaskState.STOPPING,
            reason=VALUES_CHANGED,
            message=message,
            ready=False,
            updated_at=timestamp(now),
        ),
        Happening(VALUES_CHANGED, message),
    )


def _asked_for(status: TaskStatus, found: ContainerInfo, reason: str, message: str, now: float) -> Report:
    """Stopped by us so that it starts again: no failure of its own, so neither policy nor backoff has a say."""
    ended_at = timestamp(found.finished_at or now)
    last = LastExit(attempt=status.attempt, exit_code=found.exit_code, reason=reason, finished_at=ended_at)
    following = _next_attempt(status, attempt=status.attempt + 1, restarts=status.restarts, reason=reason, now=now)
    happening = Happening(reason, message, warning=True) if reason == "Fenced" else None
    return Report(msgspec.structs.replace(following, message=message, last_exit=last), happening)


def gone(assignment: Assignment, status: TaskStatus, now: float) -> Report:
    """It ran, and its container is not there any more: nobody knows how it ended."""
    started = parse_timestamp(status.started_at) if status.started_at else now
    message = f"its container {status.container_name} was removed by somebody else"
    return _ended(assignment, status, "ContainerGone", message, now, now, code=None, ran=max(0.0, now - started))


def could_not_start(assignment: Assignment, status: TaskStatus, reason: str, message: str, now: float) -> Report:
    return _ended(assignment, status, reason, f"could not start: {message}", now, now, code=None, ran=0.0)


def initialising(assignment: Assignment, status: TaskStatus, step: int, now: float) -> Report | None:
    """None when it is known."""
    init = assignment.spec.init
    message = f"init task {init[step - 1].name} runs ({step} of {len(init)})"
    if message == status.message:
        return None
    told = msgspec.structs.replace(
        status, reason="Initializing", message=message, next_attempt_at="", updated_at=timestamp(now)
    )
    return Report(told, Happening("Initializing", message))


def init_failed(assignment: Assignment, status: TaskStatus, name: str, found: ContainerInfo, now: float) -> Report:
    """The attempt has failed with it."""
    how = "ran out of memory" if found.oom_killed else described_exit(found.exit_code)
    message, ran = f"init task {name} {how}", max(0.0, found.finished_at - found.started_at)
    ended_at = found.finished_at or now
    return _ended(assignment, status, "InitFailed", message, ended_at, now, code=found.exit_code, ran=ran)


def waiting(assignment: Assignment, status: TaskStatus, reason: str, message: str, now: float) -> Report:
    """The same attempt goes on later, whatever the restart policy: nothing has run yet."""
    step = status.backoff_step + 1
    wait = wait_before(assignment.spec.restart.backoff, step, luck(status.uid, status.attempt, step))
    return Report(
        msgspec.structs.replace(
            status,
            reason=reason,
            message=f"{message}; next try in {in_about(wait)}",
            backoff_step=step,
            next_attempt_at=timestamp(now + wait),
            updated_at=timestamp(now),
        ),
        Happening(reason, message, warning=True),
    )


def stopped(assignment: Assignment, status: TaskStatus | None, found: ContainerInfo | None, now: float) -> Report:
    """It was asked to stop, and nothing of it is left; `found` is its container as last seen."""
    if status is None or status.epoch != assignment.epoch:
        status = intent(assignment, 1, now).status
    return Report(
        msgspec.structs.replace(
            with_sidecars_stopped(status),
            state=TaskState.COMPLETED,
            reason=STOPPED,
            message="stopped as asked",
            exit_code=found.exit_code if found else None,
            oom_killed=found.oom_killed if found else False,
            ready=False,
            next_attempt_at="",
            finished_at=timestamp((found.finished_at if found else 0.0) or now),
            updated_at=timestamp(now),
        ),
        Happening("Stopped", why_stopped(assignment, found)),
    )


def _verdict(
    assignment: Assignment, status: TaskStatus, *, code: int | None, ran: float, succeeded: bool
) -> Again | Final:
    """What is to run once is at its end with its first, whatever the policy says."""
    if assignment.spec.run_once:
        return Final(exhausted=False)
    return after_exit(
        assignment.spec.restart,
        code=code,
        succeeded=succeeded,
        ran=ran,
        restarts=status.restarts,
        step=status.backoff_step,
        luck=luck(status.uid, status.attempt, status.backoff_step),
    )


def _ended(
    assignment: Assignment,
    status: TaskStatus,
    reason: str,
    message: str,
    ended_at: float,
    now: float,
    *,
    code: int | None,
    ran: float,
    oom: bool = False,
    succeeded: bool = False,
) -> Report:
    verdict = _verdict(assignment, status, code=code, ran=ran, succeeded=succeeded)
    happening = Happening(reason, message, warning=not succeeded)
    if isinstance(verdict, Final):
        state = TaskState.COMPLETED if succeeded else TaskState.FAILED
        return Report(
            msgspec.structs.replace(
                with_sidecars_stopped(status),
                state=state,
                reason="RestartLimit" if verdict.exhausted and not succeeded else reason,
                message=f"{message}; no restart after {status.restarts}" if verdict.exhausted else message,
                exit_code=code,
                oom_killed=oom,
                finished_at=timestamp(ended_at),
                ready=False,
                next_attempt_at="",
                updated_at=timestamp(now),
            ),
            happening,
        )
    last = LastExit(attempt=status.attempt, exit_code=code, reason=reason, finished_at=timestamp(ended_at))
    following = _next_attempt(
        status, attempt=status.attempt + 1, restarts=status.restarts + 1, reason="BackOff", now=now
    )
    return Report(
        msgspec.structs.replace(
            following,
            message=f"{message}; restart {following.restarts} in {in_about(verdict.wait)}",
            backoff_step=verdict.step,
            next_attempt_at=timestamp(ended_at + verdict.wait),
            last_exit=last,
        ),
        happening,
    )


def _next_attempt(status: TaskStatus, *, attempt: int, restarts: int, reason: str, now: float) -> TaskStatus:
    return TaskStatus(
        uid=status.uid,
        namespace=status.namespace,
        name=status.name,
        epoch=status.epoch,
        attempt=attempt,
        state=TaskState.STARTING,
        reason=reason,
        restarts=restarts,
        backoff_step=status.backoff_step,
        last_exit=status.last_exit,
        updated_at=timestamp(now),
    )
