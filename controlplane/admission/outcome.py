"""What the task writer is asked for and what it answers: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.admission.decide import Refused, Result, name_of
from taskyard.objects import BadValue, Task, decode
from taskyard.store.api import Entry

ROUNDS = 8
"""Tries before a write that others keep overtaking is given up as a conflict."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One task to apply. `if_match`: the mod revision it must still have (0: it must not exist)."""

    task: Task
    source: str = ""
    take_over: bool = False
    create_only: bool = False
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """`revision` is the task's mod revision; 0 for a dry run that would have written."""

    result: Result
    task: Task
    before: Task | None
    revision: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """`gone`: the key is deleted. Else it goes once the container has stopped, and `task` says since when that is due.

    `task` None: what was deleted was not readable as a task.
    """

    task: Task | None
    gone: bool
    revision: int


def stored_task(entry: Entry | None) -> Task | None:
    """None for an absent key, and for a value that no reader takes for a task: it is in nobody's way."""
    try:
        return decode(entry.value, Task) if entry else None
    except BadValue:
        return None


ANY = -1
"""As an `if_match`: it must exist, at whatever revision (RFC 9110, 13.1.1)."""


def check_match(namespace: str, name: str, if_match: int | None, entry: Entry | None) -> Refused | None:
    """The refusal when a precondition was given and does not hold."""
    if if_match is None or if_match == (entry.mod_revision if entry else 0) or (if_match == ANY and entry is not None):
        return None
    now = f"is at revision {entry.mod_revision}" if entry else "does not exist"
    if if_match == ANY:
        return Refused(
            "PreconditionFailed", f"task/{name} in namespace {namespace} {now}", "create it without If-Match"
        )
    then = f"at revision {if_match}" if if_match else "absent"
    return Refused("PreconditionFailed", f"task/{name} in namespace {namespace} {now}, not {then}", "read it again")


def overtaken(task: Task) -> Refused:
    return Refused("Conflict", f"others changed {name_of(task)} {ROUNDS} times while this was written", "try again")
