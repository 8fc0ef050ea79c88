"""What the runtime does not carry out for one task, though it answers otherwise: told, and tried ever more rarely.

A failed call is followed by a look, which fails as well while the runtime is down; so what is counted here is mostly a
call that fails again and again beside others that work. No I/O. Called by the agent and by starting, in lanes.
"""

from __future__ import annotations

from nodeagent.actions import Happening
from nodeagent.lanes import Lane
from nodeagent.memory import TaskMemory
from nodeagent.situation import NotYet

TOLD_AFTER = 3
"""Calls in a row; fewer are no news, as when an engine is restarted."""
REASON = "RuntimeTrouble"
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_PACED = (Lane.START, Lane.STOP)
"""A look has the work queue's own pace: nothing that works comes between two of one task."""


def note_unanswered(memory: TaskMemory, lane: Lane, message: str) -> float:
    """The seconds until it is tried again; 0 leaves that to the queue."""
    if lane not in _PACED:
        return 0.0
    count = memory.unanswered.get(lane, 0) + 1
    memory.unanswered[lane] = count
    if count >= TOLD_AFTER:
        memory.remarks.append(Happening(REASON, message, warning=True))
    return min(_FIRST_PAUSE * 2.0 ** (min(count, 20) - 1), _LONGEST_PAUSE)


def instead_of_a_start(memory: TaskMemory, message: str) -> NotYet | None:
    """The outcome of one that came to nothing once more: the task waits, as for anything else that is not there. None
    while that is no news."""
    return NotYet(REASON, message) if memory.unanswered.get(Lane.START, 0) >= TOLD_AFTER - 1 else None
