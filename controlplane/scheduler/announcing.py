"""Tells people what the scheduler decided, without telling them the same thing all the time.

An explanation looks at every node, so equal questions share one, and a round makes only so many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controlplane.cluster import TaskRecord
from controlplane.placement import Reservation, Snapshot, Want, explain, kept_for_others, why_waiting
from controlplane.scheduler.bindings import Bound
from controlplane.scheduler.waiting import Question, question_of
from taskyard.clock import Clock
from taskyard.events import ROOM_KEPT, EventRecorder
from taskyard.keys import NamedKey
from taskyard.objects import ObjectRef
from taskyard.quantity import format_duration

_EXPLAINED_PER_ROUND = 8
"""Different questions; a task beyond them is told of at the next sweep, and the API explains it at any time."""
_QUIET = 10.0
"""Seconds before another reason is announced for the same task: in a busy cluster the amounts change all the time."""
Reason = Literal["FailedScheduling", "RoomKept"]


@dataclass(frozen=True, slots=True)
class _Said:
    message: str
    at: float


class Announcer:
    def __init__(self, events: EventRecorder, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._said: dict[NamedKey, _Said] = {}

    def bound(self, bound: Bound) -> None:
        self._said.pop(bound.key, None)
        message = f"placed on {bound.node}" + (f", since {bound.lost} is lost" if bound.lost else "")
        failed = bound.task.binding is not None and bound.task.binding.avoid
        left = "where it kept failing" if failed else "as was asked for"
        message += f", moved from {bound.asked}{',' if failed else ''} {left}" if bound.asked else ""
        self._emit(bound.key, bound.uid, "Scheduled", message, warning=False)

    def moving(self, record: TaskRecord, node: str, target: str) -> None:
        message = f"a singleton: it is stopped on {node} before it starts on {target}"
        self._emit(record.key, record.uid, "Moving", message, warning=False)

    def not_moved(self, key: NamedKey, uid: str, why: str) -> None:
        self._emit(key, uid, "MoveRefused", why, warning=True)

    def preempting(self, want: Want, node: str, victims: str) -> None:
        self._emit(want.key, want.uid, "Preempting", f"makes room on {node}, where it stops {victims}", warning=False)

    def preempted(self, record: TaskRecord, message: str) -> None:
        self._emit(record.key, record.uid, "Preempted", message, warning=True)

    def kept(self, want: Want, node: str, waited: float) -> None:
        message = f"has waited for {format_duration(waited)}: what becomes free on {node} is kept for it"
        self._emit(want.key, want.uid, "Reserved", message, warning=False)

    def unplaced(self, wants: list[Want], snapshot: Snapshot, reserved: Sequence[Reservation]) -> None:
        """These fit nowhere in what the round has left, without what is kept in it for others."""
        now = self._clock.monotonic()
        answers: dict[tuple[Question, str, bool], tuple[Reason, str]] = {}
        for want in wants:
            said = self._said.get(want.key)
            if said is not None and now < said.at + _QUIET:
                continue
            question = question_of(want), want.gang, want.leaves
            if question not in answers:
                if len(answers) == _EXPLAINED_PER_ROUND:
                    continue
                found = explain(snapshot, want.demand, current=want.current, held=want.held)
                kept = kept_for_others(snapshot, want, found, reserved)
                answers[question] = (ROOM_KEPT, kept) if kept else ("FailedScheduling", why_waiting(want, found))
            self._failed(want.key, want.uid, *answers[question], said)

    def refused(self, bound: Bound, reason: str) -> None:
        message = f"the store does not take the assignment: {reason}; make the task's spec smaller"
        self._failed(bound.key, bound.uid, "FailedScheduling", message, self._said.get(bound.key))

    def forget(self, key: NamedKey) -> None:
        self._said.pop(key, None)

    def clear(self) -> None:
        self._said.clear()

    def _failed(self, key: NamedKey, uid: str, reason: Reason, message: str, said: _Said | None) -> None:
        self._said[key] = _Said(message, self._clock.monotonic())
        if said is None or said.message != message:
            self._emit(key, uid, reason, message, warning=True)

    def _emit(self, key: NamedKey, uid: str, reason: str, message: str, *, warning: bool) -> None:
        about = ObjectRef(kind="Task", name=key.name, uid=uid)
        self._events.emit(about, key.namespace, reason, message, warning=warning)
