"""Timeouts of what tasks wait for: told once they are over, as an event and as the reason of the task, and not before.

Judged by the events in the store and by what the API shows. The checker tells what it sees.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.plane import PlaneProcess
from simulator.story import Violation
from taskyard.clock import parse_timestamp
from taskyard.objects import Event, Task, decode
from taskyard.quantity import seconds
from taskyard.store.api import KeyEvent

TIMEOUTS = (None, None, "4s", "20s")
REASON = "DependencyTimeout"
_TOLD = 20.0
"""Seconds within which the event is there: whoever is to tell has other things to do first."""
_SAME = 1.0
"""Seconds around the moment in which either reason is right."""
_ROUNDING = 0.01
"""Seconds: a timestamp in the store is not as fine as the clock."""


class Timeouts:
    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        """uid of a task -> when the first timeout is over that it ever had, by the time of day that it was made at."""
        self._told: set[str] = set()
        """uids."""

    def note_task(self, task: Task) -> None:
        if (over := _over_at(task)) is not None:
            uid = task.metadata.uid
            self._first[uid] = min(over, self._first.get(uid, over))

    def note_event(self, event: KeyEvent) -> None:
        """One for people, about anything."""
        if event.entry is None or f'"{REASON}"'.encode() not in event.entry.value:
            return
        told = decode(event.entry.value, Event)
        over = self._first.get(told.about.uid)
        if told.reason != REASON:
            return
        if over is None or parse_timestamp(told.first_seen) < over - _ROUNDING:
            raise Violation(f"{told.about.name} is told to have waited for too long, and has not", told.about.uid)
        self._told.add(told.about.uid)

    def check_settled(self, task: Task, planes: Sequence[PlaneProcess]) -> None:
        """It waits for others, and rightly."""
        name, over = task.metadata.name, _over_at(task)
        for plane in planes:
            shown, late = plane.tasks.get(name, "default").status, _late(over, plane)
            if abs(late) > _SAME and shown.reason != (REASON if late > 0 else "Dependencies"):
                raise Violation(f"{name} waits, {late:.0f} s beyond its timeout, and is shown as {shown.reason}", name)
        if planes and all(_late(over, plane) > _TOLD for plane in planes) and task.metadata.uid not in self._told:
            raise Violation(f"{name} has waited for too long, and nobody was told", task.metadata.uid, name)


def _over_at(task: Task) -> float | None:
    """When the first of its timeouts is over, by the time of day that it was made at."""
    timeouts = [seconds(each.timeout) for each in task.spec.depends_on if each.timeout is not None]
    made = task.metadata.created_at
    return parse_timestamp(made) + min(timeouts) if timeouts and made else None


def _late(over: float | None, plane: PlaneProcess) -> float:
    """Seconds since then, by the plane's clock; negative before."""
    return float("-inf") if over is None else plane.tasks.clock.now() - over
