"""The agent's loop: takes a task off the queue, asks decide.py what comes next, hands that to a lane, and asks again.

One action is in flight for a task at a time (the queue sees to it). Nothing here blocks or starts threads: app.py
drives it with threads, a simulation calls `reconcile` until it returns False.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent import sidecars
from nodeagent.actions import (
    Action,
    CheckImage,
    CreateAndStart,
    Drain,
    Forget,
    Happening,
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
    StartSidecar,
    Tidy,
    Wait,
)
from nodeagent.anchor import KEY as ANCHOR
from nodeagent.anchor import Anchor
from nodeagent.checks.checker import Checker
from nodeagent.checks.state import NO_CHECKS, Asked, Verdict
from nodeagent.decide import decide
from nodeagent.effects import Effects
from nodeagent.guard import Guard
from nodeagent.lanes import Lane, Lanes
from nodeagent.logins import wishes_of
from nodeagent.lost_assignments import LostAssignments, Recorder
from nodeagent.memory import TaskMemory, refresh
from nodeagent.names import MAIN, Owner, Run
from nodeagent.outbox import KEY as OUTBOX
from nodeagent.outbox import Outbox
from nodeagent.publisher import Publisher, StoreWeather
from nodeagent.pulls import Pulls
from nodeagent.runtime.port import (
    ContainerEnd,
    ContainerEvent,
    ContainerInfo,
    ContainerState,
    Runtime,
    RuntimeFault,
    RuntimeUnavailable,
)
from nodeagent.situation import Container, Situation
from nodeagent.standing import Standing
from nodeagent.starting import NotCertain
from nodeagent.unanswered import note_unanswered
from nodeagent.view import ContainerView
from taskyard import keys
from taskyard.clock import Clock
from taskyard.keys import NodeKey
from taskyard.objects import ObjectRef, TaskState
from taskyard.store.api import StoreError, StoreUnavailable
from taskyard.store.informer import Change, Informer
from taskyard.store.workqueue import WorkQueue

log = logging.getLogger(__name__)

_NOT_READY_PAUSE = 0.5
_UNWRITTEN_PAUSE = 0.1
_NOT_CERTAIN_PAUSE = 0.2
"""Seconds until a start is tried again that rests on the lease or the store: it must not wait ever longer for them."""
_CHANGING = (Lane.START, Lane.STOP)
"""Where what a status tells of is changed."""
_ENDED = (ContainerState.EXITED, ContainerState.DEAD)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with; put together by app.py, or by a test."""

    owner: Owner
    runtime: Runtime
    informer: Informer
    queue: WorkQueue[str]
    view: ContainerView
    effects: Effects
    pulls: Pulls
    checker: Checker
    publisher: Publisher
    standing: Standing
    guard: Guard
    anchor: Anchor
    weather: StoreWeather
    recorder: Recorder
    lanes: Lanes
    clock: Clock
    runtime_failed: Callable[[], None]
    """Called when the runtime did not answer, so that someone finds out whether it is down."""
    keep_ended: Callable[[], float] = lambda: math.inf
    """Seconds that the containers of a task that is over are kept, for their logs."""
    outdated: Callable[[str, str], str] = lambda *_: ""
    """What has changed for the task of this uid, with the spec of this hash, which is to be restarted for it; empty:
    nothing."""


class Agent:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._memories: dict[str, TaskMemory] = {}
        self._lost = LostAssignments(
            parts.owner.node, parts.informer, parts.view, parts.anchor, parts.queue, parts.recorder
        )
        self._outbox = Outbox(parts.publisher, parts.lanes, parts.queue, self._published)
        self._restores = 0
        """The informer's, when it last told of changes."""

    def changed(self, changes: Sequence[Change]) -> None:
        """For Informer.subscribe."""
        restored = self._parts.informer.restores != self._restores
        self._restores = self._parts.informer.restores
        for change in changes:
            key = keys.parse_node(change.key)
            if key and key.uid and not self._is_own_word(key, change):
                self._parts.queue.add(key.uid)
        self._lost.changed(changes, restored=restored)

    def _is_own_word(self, key: NodeKey, change: Change) -> bool:
        """A status as this agent has written it: what it asks for was decided when the store had taken it."""
        memory = self._memories.get(key.uid) if key.part == "status" and change.new is not None else None
        if memory is None or change.new is None or memory.restores != self._restores:
            return False
        return change.new.mod_revision == memory.written_revision

    def happened(self, event: ContainerEvent) -> None:
        # Only the watchdog knows whether what it answers for has ended by itself.
        believed = event.id not in self._parts.guard.held | self._parts.guard.condemned
        uid = self._parts.view.happened(event, believed=believed)
        if uid:
            self._parts.queue.add(uid)

    def ended(self, end: ContainerEnd) -> None:
        """A container has, by the kernel's word."""
        if end.id in self._parts.guard.held | self._parts.guard.condemned:
            return  # As above; and it will hear of it from the runtime.
        uid = self._parts.view.ended(end)
        if uid:
            self._parts.queue.add(uid)

    def look_around(self) -> None:
        """Lists all containers of this node: the truth that events only hasten. Raises RuntimeUnavailable."""
        first = not self._parts.view.listed
        if first:
            for uid in self._parts.effects.with_belongings():
                self._parts.view.has_belongings(uid)
        doubted = self._parts.view.compare(self._parts.runtime.list(self._parts.owner.labels))
        # Sorted: the order of work must not depend on the hash seed, or a simulation could not be repeated.
        for uid in sorted(doubted | (self._known_uids() if first else set())):
            self._parts.queue.add(uid)

    def reconcile(self, timeout: float) -> bool:
        """One step for one task; False when there was none to take within `timeout` seconds."""
        uid = self._parts.queue.get(timeout)
        if uid is None:
            return False
        if not (self._parts.informer.synced and self._parts.view.listed and self._parts.standing.holds_name()):
            # Without a list of both a container would look superfluous, or missing; and what is assigned to a name
            # that another host holds runs there.
            self._parts.queue.add_after(uid, _NOT_READY_PAUSE)
            self._parts.queue.done(uid)
            return True
        self._lost.compare()
        if uid == ANCHOR:
            self._parts.lanes.submit(Lane.STORE, self._lost.advance_anchor)
            return True
        if uid == OUTBOX:
            self._parts.queue.done(uid)
            self._outbox.flush()
            return True
        memory = self._memories.get(uid)
        if memory is None:
            memory = self._memories[uid] = TaskMemory(uid)
        try:
            action = self._next(memory)
        except Exception:
            log.exception("cannot decide about task %s", uid)
            self._finish(uid, retry=True)
            return True
        self._carry_out(memory, action)
        return True

    def _known_uids(self) -> set[str]:
        with self._parts.informer.lock:
            found = {key.uid for key in map(keys.parse_node, self._parts.informer.entries) if key and key.uid}
        return found | self._parts.view.uids()

    def _next(self, memory: TaskMemory) -> Action:
        refresh(memory, self._parts.informer, self._parts.owner.node)
        if memory.problem:
            self._quarantine(memory)
            return Nothing()
        while memory.remarks:
            self._tell(memory, memory.remarks.pop(0))
        wanted = memory.assignment if memory.assignment and memory.assignment.desired == "Running" else None
        if self._parts.pulls.concern(memory.uid):
            self._parts.pulls.release(memory.uid, but=wishes_of(wanted) if wanted else frozenset())
        memory.outcome = self._parts.pulls.take(memory.uid) or memory.outcome
        situation = self._situation(memory)
        while isinstance(action := decide(situation), Report):
            memory.status, memory.outcome = action.status, action.outcome
            if action.happening:
                self._tell(memory, action.happening)
            situation = self._after_report(memory, situation)
        return action

    def _after_report(self, memory: TaskMemory, before: Situation) -> Situation:
        verdicts = self._checks(memory, before.containers)
        own = verdicts.pop(MAIN, NO_CHECKS)
        return replace(before, status=memory.status, outcome=memory.outcome, checks=own, checks_beside=verdicts)

    def _checks(self, memory: TaskMemory, containers: Sequence[Container]) -> dict[int, Verdict]:
        """By step: of the container that the status speaks of, while it is to run, and of those beside it."""
        assignment, status = memory.assignment, memory.status
        if assignment is None or status is None or status.state is TaskState.STOPPING:
            return {}
        run = Run(memory.uid, assignment.epoch, status.attempt)
        current = next((one.info for one in containers if one.run == run and one.running), None)
        wanted = current if assignment.desired == "Running" else None
        ours = wanted is not None and wanted.id == status.container_id
        asked = [Asked(MAIN, wanted, assignment.spec.checks, ours and status.ready)] if wanted else []
        beside = sidecars.to_ask(assignment, status, containers) if wanted else []
        return self._parts.checker.look(memory.uid, asked + beside)

    def _situation(self, memory: TaskMemory) -> Situation:
        containers, unsure = self._parts.view.of(memory.uid)
        memory.ended = _newest_ended(containers) or memory.ended
        verdicts = self._checks(memory, containers)
        return Situation(
            assignment=memory.assignment,
            status=memory.status,
            written=memory.written,
            containers=containers,
            unsure=unsure,
            outcome=memory.outcome,
            signalled=memory.signalled,
            ended=memory.ended,
            held=self._parts.guard.held,
            condemned=self._parts.guard.condemned,
            fetching=self._parts.pulls.fetching(memory.uid),
            transferred=self._parts.pulls.transferred(memory.uid),
            belongings=self._parts.view.may_have_belongings(memory.uid),
            checks=verdicts.pop(MAIN, NO_CHECKS),
            checks_beside=verdicts,
            keep_ended=self._parts.keep_ended(),
            kept=memory.uid in self._lost,
            outdated=self._parts.outdated(memory.uid, memory.assignment.spec_hash) if memory.assignment else "",
            store_reachable=self._parts.weather.fair(),
            now=self._parts.clock.now(),
            monotonic=self._parts.clock.monotonic(),
        )

    def _carry_out(self, memory: TaskMemory, action: Action) -> None:
        effects = self._parts.effects
        match action:
            case Look():
                self._submit(Lane.LOOK, memory, lambda: effects.looker.look(memory, action))
            case Publish():
                self._outbox.put(memory, action.status)
            case CreateAndStart():
                self._submit(Lane.START, memory, lambda: effects.starter.create_and_start(memory, action))
            case Start():
                self._submit(Lane.START, memory, lambda: effects.starter.start(memory, action))
            case RunHook():
                self._submit(Lane.START, memory, lambda: effects.starter.run_hook(memory, action))
            case StartSidecar():
                self._submit(Lane.START, memory, lambda: effects.starter.start_sidecar(memory, action))
            case Hold():
                self._submit(Lane.START, memory, lambda: effects.hold(memory, action))
            case Pull():
                self._parts.pulls.want(memory.uid, action.wish)
                self._rest(memory)
            case CheckImage():
                self._submit(Lane.LOOK, memory, lambda: effects.starter.check_image(memory, action))
            case Drain():
                effects.drain(memory, action)
                self._parts.queue.add(memory.uid)
                self._rest(memory)
            case Signal():
                self._submit(Lane.STOP, memory, lambda: effects.signal(memory, action))
            case Remove():
                self._submit(Lane.STOP, memory, lambda: effects.remove(memory, action))
            case Tidy():
                self._submit(Lane.STOP, memory, lambda: effects.tidy(memory))
            case Forget():
                effects.forget(memory)
                self._memories.pop(memory.uid, None)
                self._lost.discard(memory.uid)
                self._parts.queue.forget(memory.uid)
                self._parts.queue.done(memory.uid)
            case Wait():
                self._parts.queue.add_after(memory.uid, action.seconds)
                self._rest(memory)
            case Nothing() | Report():
                self._rest(memory)

    def _rest(self, memory: TaskMemory) -> None:
        """Until something changes; or until the store is back, when there is a status that it has not got yet."""
        if memory.assignment and memory.status != memory.written:
            # Also when it is back by now: it may have been away when this was decided.
            self._parts.queue.add_after(memory.uid, max(self._parts.weather.left(), _UNWRITTEN_PAUSE))
        self._parts.queue.done(memory.uid)

    def _submit(self, lane: Lane, memory: TaskMemory, effect: Callable[[], None]) -> None:
        if lane in _CHANGING:
            self._outbox.begins(memory.uid)
        self._parts.lanes.submit(lane, lambda: self._run(memory, effect, lane))

    def _run(self, memory: TaskMemory, effect: Callable[[], None], lane: Lane) -> None:
        """In a lane: carries the action out, then puts the task back for its next decision."""
        retry, pause = True, 0.0
        try:
            effect()
            retry = False
            memory.unanswered.pop(lane, None)
        except NotCertain as error:
            log.info("task %s: %s", memory.uid, error)
            pause = _NOT_CERTAIN_PAUSE
        except StoreUnavailable as error:
            log.warning("task %s: its status cannot be written now: %s", memory.uid, error)
            self._parts.weather.failed()
            retry = False
        except (RuntimeFault, StoreError) as error:
            log.warning("task %s: %s", memory.uid, error)
            pause = note_unanswered(memory, lane, str(error))
            if isinstance(error, RuntimeUnavailable):
                self._parts.runtime_failed()
        except Exception:
            log.exception("task %s: an action failed in a way that nobody foresaw", memory.uid)
        finally:
            self._outbox.ended(memory.uid)
            self._finish(memory.uid, retry=retry, pause=pause)

    def _published(self, memory: TaskMemory, outcome: Callable[[], None]) -> None:
        def heard() -> None:
            outcome()
            self._parts.weather.worked()

        self._run(memory, heard, Lane.STORE)

    def _finish(self, uid: str, *, retry: bool, pause: float = 0.0) -> None:
        """With a `pause`, it is tried again just so much later."""
        if pause:
            self._parts.queue.add_after(uid, pause)
        elif retry:
            self._parts.queue.retry(uid)
        else:
            self._parts.queue.forget(uid)
            self._parts.queue.add(uid)
        self._parts.queue.done(uid)

    def _tell(self, memory: TaskMemory, happening: Happening) -> None:
        about = memory.status or memory.assignment
        if about:
            self._parts.recorder.emit(
                ObjectRef(kind="Task", name=about.name, uid=memory.uid),
                about.namespace,
                happening.reason,
                happening.message,
                warning=happening.warning,
            )

    def _quarantine(self, memory: TaskMemory) -> None:
        key = keys.assignment(self._parts.owner.node, memory.uid)
        self._parts.recorder.emit(
            ObjectRef(kind="Node", name=self._parts.owner.node),
            keys.CLUSTER_NAMESPACE,
            "Quarantined",
            f"{key} is ignored until it changes: {memory.problem}",
            warning=True,
        )


def _newest_ended(containers: Sequence[Container]) -> ContainerInfo | None:
    """Of the task's own."""
    ended = (one.info for one in containers if one.run.step == MAIN and one.info.state in _ENDED)
    return max(ended, key=lambda info: info.finished_at, default=None)
