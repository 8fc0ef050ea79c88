"""The state of a task as users see it: its binding, its assignment's status and its node's lease, joined.

Pure reading of the cache; used by the API for every answer, and by whoever has to know whether a task has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster.cache import ClusterCache
from controlplane.cluster.records import StatusRecord, TaskRecord
from taskyard.objects import Assignment, HostPort, LastExit, SidecarStatus, TaskState, TaskStatus, Wire
from taskyard.objects.assignment import EVICTED
from taskyard.objects.status import STOPPED


class EffectiveStatus(Wire, frozen=True, kw_only=True):
    """The `status` of a Task in the API's answers."""

    state: TaskState
    reason: str = ""
    """One CamelCase word for programs."""
    message: str = ""
    """A sentence for people."""
    node: str = ""
    epoch: int = 0
    attempt: int | None = None
    restarts: int | None = None
    """Of a task that is bound both are there, also when they are 0: scripts count on them."""
    exit_code: int | None = None
    container_id: str = ""
    image_digest: str = ""
    ports: tuple[HostPort, ...] = ()
    health: str = ""
    started_at: str = ""
    finished_at: str = ""
    next_attempt_at: str = ""
    last_exit: LastExit | None = None
    sidecars: tuple[SidecarStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a task that has to be bound waits for: one CamelCase word for programs, a sentence for people."""

    reason: str
    message: str


def view(
    cache: ClusterCache, record: TaskRecord, why_pending: Callable[[TaskRecord], Waiting] | None = None
) -> EffectiveStatus:
    """The task's state now; call it under the cache's lock. `why_pending` is asked about a task that waits."""
    binding = record.task.binding
    waits_for = why_pending(record) if why_pending is not None and needs_binding(cache, record) else None
    if not record.uid:
        return EffectiveStatus(
            state=TaskState.PENDING, reason="Incomplete", message="put by hand; waits for its uid to be filled in"
        )
    if binding is None:
        if waits_for is None:
            return EffectiveStatus(state=TaskState.PENDING)
        return EffectiveStatus(state=TaskState.PENDING, reason=waits_for.reason, message=waits_for.message)
    status = current_status(cache, record)
    stopped = _stopped_to_move(cache, record)
    if stopped is not None:
        said = status.status if status else None
        if said is not None and said.state.terminal and record.task.spec.run_once:
            return _cut_short(said, record, stopped)
        if stopped.reason and said is not None and said.state.terminal:
            message = f"{stopped.reason}; {waits_for.message}" if waits_for is not None else stopped.reason
            return EffectiveStatus(state=TaskState.PENDING, reason=_why_stopped(stopped), message=message)
        message = f"a singleton: it is stopped on {binding.node} before it starts on another node"
        return _of(said, record, TaskState.STOPPING, _why_stopped(stopped), stopped.reason or message)
    if status is not None and status.status.state.terminal:
        return _of(status.status, record, status.status.state, status.status.reason, status.status.message)
    node = cache.nodes.get(binding.node)
    if node is None or node.lease is None:
        message = f"node {binding.node} stopped renewing its lease; its containers may still run there"
        return _of(status.status if status else None, record, TaskState.LOST, "NodeLost", message)
    if record.task.metadata.deletion_timestamp:
        return _of(status.status if status else None, record, TaskState.STOPPING, "Deleted", "its container is stopped")
    if status is None:
        return _of(None, record, TaskState.SCHEDULED, "", _awaited(cache, record, binding.node))
    message = status.status.message
    if waits_for is not None:
        message = f"runs with its spec from before; the new one waits: {waits_for.message}"
    return _of(status.status, record, status.status.state, status.status.reason, message)


def _cut_short(said: TaskStatus, record: TaskRecord, stopped: Assignment) -> EffectiveStatus:
    """One that runs once was to stop, and has; its own end, if that came first, is what it has come to."""
    if said.reason != STOPPED:
        return _of(said, record, said.state, said.reason, said.message)
    message = f"{stopped.reason or 'it was stopped'}; it runs once, so it is not run again"
    return _of(said, record, TaskState.FAILED, _why_stopped(stopped), message)


def _why_stopped(stopped: Assignment) -> str:
    """One word for it."""
    if stopped.reason.startswith(EVICTED):
        return "Evicted"
    return "Preempted" if stopped.reason else "Moving"


def _awaited(cache: ClusterCache, record: TaskRecord, node: str) -> str:
    """A version that ignores the stop signal holds the next one up for all of its grace period."""
    before = cache.status_on(record.uid, node)
    if before is not None and not before.status.state.terminal:
        return f"waits for the agent on {node} to stop the version before it"
    return f"waits for the agent on {node} to start it"


def current_status(cache: ClusterCache, record: TaskRecord) -> StatusRecord | None:
    """What the agent says of the binding as it is: from its node, not of an earlier epoch."""
    binding = record.task.binding
    if binding is None:
        return None
    status = cache.status_on(record.uid, binding.node)
    return status if status is not None and status.status.epoch >= binding.epoch else None


def runs(cache: ClusterCache, record: TaskRecord) -> bool:
    """Its agent, which is there, says so, and nobody has asked it to stop: what budgets count as left."""
    status, node = current_status(cache, record), cache.nodes.get(record.node)
    if status is None or status.status.state is not TaskState.RUNNING or node is None or not node.ready:
        return False
    held = cache.assignment_on(record.uid, record.node)
    asked_to_stop = held is None or held.assignment.desired == "Stopped" or record.task.metadata.deletion_timestamp
    return not asked_to_stop


def needs_binding(cache: ClusterCache, record: TaskRecord) -> bool:
    """The scheduler has to bind it: it never was, its spec changed since, its assignment is gone, or it was stopped so
    that it could move, and is still where it was. One that runs once never has to be bound again.

    The cache is consistent at one revision and a binding is written together with its assignment, so a binding
    without one means that somebody deleted the assignment by hand.
    """
    if not _wanted(cache, record):
        return False
    binding = record.task.binding
    if binding is None:
        return True
    if record.task.spec.run_once:
        return False
    if binding.spec_hash != record.spec_hash:
        return True
    held = cache.assignment_on(record.uid, binding.node)
    return held is None or held.assignment.epoch != binding.epoch or held.assignment.desired == "Stopped"


def _stopped_to_move(cache: ClusterCache, record: TaskRecord) -> Assignment | None:
    """Nobody has asked for its deletion, and yet its assignment says that it has to stop."""
    held = cache.assignment_on(record.uid, record.node)
    if held is None or held.assignment.desired != "Stopped" or record.task.metadata.deletion_timestamp:
        return None
    return held.assignment


def on_lost_node(cache: ClusterCache, record: TaskRecord) -> bool:
    """It is to run, and is bound to a node whose lease is gone; one that has ended is not run again."""
    if record.task.binding is None or record.task.spec.run_once:
        return False
    node = cache.nodes.get(record.node)
    if (node is not None and node.ready) or not _wanted(cache, record):
        return False
    status = current_status(cache, record)
    return status is None or not status.status.state.terminal


def _wanted(cache: ClusterCache, record: TaskRecord) -> bool:
    """It is complete, the one that owns its uid, and nobody has asked for its deletion."""
    metadata = record.task.metadata
    if not metadata.uid or metadata.deletion_timestamp:
        return False
    owner = cache.by_uid(metadata.uid)
    return owner is record or (owner is not None and owner.key == record.key)


def _of(status: TaskStatus | None, record: TaskRecord, state: TaskState, reason: str, message: str) -> EffectiveStatus:
    binding = record.task.binding
    node, epoch = (binding.node, binding.epoch) if binding else ("", 0)
    if status is None:
        return EffectiveStatus(
            state=state, reason=reason, message=message, node=node, epoch=epoch, attempt=0, restarts=0
        )
    return EffectiveStatus(
        state=state,
        reason=reason,
        message=message,
        node=node,
        epoch=epoch,
        attempt=status.attempt,
        restarts=status.restarts,
        exit_code=status.exit_code,
        container_id=status.container_id,
        image_digest=status.image_digest,
        ports=tuple(status.ports),
        health=status.health,
        started_at=status.started_at,
        finished_at=status.finished_at,
        next_attempt_at=status.next_attempt_at,
        last_exit=status.last_exit,
        sidecars=tuple(status.sidecars),
    )
