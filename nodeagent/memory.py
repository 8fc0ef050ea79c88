"""What the agent remembers of each task between two actions, and how it reads the store's cache. No I/O.

All of it can be lost: a new agent rebuilds it from the store and the runtime. Whoever holds a uid from the work queue
is the only one to touch that task's memory, so it needs no lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nodeagent.actions import Happening
from nodeagent.lanes import Lane
from nodeagent.runtime.port import ContainerInfo
from nodeagent.situation import Outcome, Signalled
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.objects import Assignment, TaskStatus, decode
from taskyard.objects.normal import normalize
from taskyard.store.api import Entry
from taskyard.store.informer import Informer


@dataclass(slots=True)
class TaskMemory:
    uid: str
    entry: Entry | None = None
    """The assignment as the cache has it; what status writes are compared with."""
    assignment: Assignment | None = None
    spec_hash: str = ""
    """The last assignment's, also once that is gone."""
    problem: str = ""
    """Why `entry` could not be read; nothing is done then, and nothing undone."""
    status: TaskStatus | None = None
    written: TaskStatus | None = None
    written_revision: int = 0
    restores: int = 0
    """The informer's, when that revision was noted."""
    outcome: Outcome | None = None
    signalled: dict[str, Signalled] = field(default_factory=dict)
    ended: ContainerInfo | None = None
    unanswered: dict[Lane, int] = field(default_factory=dict)
    """How many actions in a row the runtime has not carried out, though it answers otherwise."""
    remarks: list[Happening] = field(default_factory=list)
    """For the task's events, from what was done in lanes."""


def refresh(memory: TaskMemory, informer: Informer, node: str) -> None:
    """Brings the memory up to the cache."""
    with informer.lock:
        entry = informer.entries.get(keys.assignment(node, memory.uid))
        status = informer.entries.get(keys.status(node, memory.uid))
        known = informer.revision >= memory.written_revision or informer.restores != memory.restores
        memory.restores = informer.restores
    if entry is not memory.entry and entry != memory.entry:
        memory.entry = entry
        before = memory.assignment.epoch if memory.assignment else 0
        memory.assignment, memory.problem = _read_assignment(entry, memory.uid)
        if memory.assignment and memory.assignment.epoch != before:
            memory.outcome = None
        if memory.assignment:
            _note_spec(memory, memory.assignment)
    if known and (status.mod_revision if status else 0) != memory.written_revision:
        note_written(memory, status)
    written = memory.written
    if written is not None and written is not memory.status and _overtaken(memory, written):
        memory.status = written


def _note_spec(memory: TaskMemory, assignment: Assignment) -> None:
    """A restored store gives out epochs a second time: what is remembered of another spec is no news of this one."""
    again = memory.status is not None and memory.status.epoch == assignment.epoch
    if again and memory.spec_hash and memory.spec_hash != assignment.spec_hash:
        memory.status = memory.outcome = None
    memory.spec_hash = assignment.spec_hash


def _overtaken(memory: TaskMemory, written: TaskStatus) -> bool:
    """What is written is further on than what is remembered here: an agent before this one wrote it, or one on another
    host that had the node's name meanwhile. Or it is of the epoch assigned, to which a restored store went back.
    """
    if memory.status is None:
        return True
    if memory.assignment is not None and written.epoch == memory.assignment.epoch != memory.status.epoch:
        return True
    if _progress(written)[:2] == _progress(memory.status)[:2] and written.state.rank > memory.status.state.rank:
        return True  # Of two hosts' same attempt, also where this one has counted more restarts: no state goes back.
    return _ended_otherwise(memory, written) or _progress(written) > _progress(memory.status)


def _ended_otherwise(memory: TaskMemory, written: TaskStatus) -> bool:
    """The attempt has two ends: the container of an agent on another host has ended, and here there is none. The one
    that is written counts."""
    remembered = memory.status
    if remembered is None or not (remembered.state.terminal and written.state.terminal):
        return False
    asked = memory.assignment is not None and memory.assignment.desired == "Running"
    return asked and _progress(written)[:3] == _progress(remembered)[:3] and written.state is not remembered.state


def _progress(status: TaskStatus) -> tuple[int, int, int, int]:
    return status.epoch, status.attempt, status.restarts, status.state.rank


def note_written(memory: TaskMemory, status: Entry | None) -> None:
    """What the store has of the task's status."""
    memory.written_revision = status.mod_revision if status else 0
    memory.written = _read_status(status)


def _read_assignment(entry: Entry | None, uid: str) -> tuple[Assignment | None, str]:
    if entry is None:
        return None, ""
    try:
        found = decode(entry.value, Assignment)
        normalize(found.spec)  # Nothing that is read later may turn out to be no quantity.
    except ValueError as error:
        return None, str(error)
    return (found, "") if found.uid == uid else (None, f"the value speaks of uid {found.uid!r}, the key of {uid!r}")


def _read_status(entry: Entry | None) -> TaskStatus | None:
    """A status that cannot be read counts as missing: the agent, its only writer, writes it anew."""
    if entry is None:
        return None
    try:
        found = decode(entry.value, TaskStatus)
        moments = (found.started_at, found.finished_at, found.next_attempt_at)
        for moment in (*moments, *(each.next_start_at for each in found.sidecars)):
            if moment:
                parse_timestamp(moment)  # Decisions count from it, and one that is none would stop them for ever.
    except ValueError:
        return None
    return found
