"""What the writer is asked for and what it answers: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.admission.decide import Refused, Result
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, BadValue, decode_object, key_of
from taskyard.store.api import Entry

ROUNDS = 8
"""Tries before a write that others keep overtaking is given up as a conflict."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object to apply. `if_match`: the mod revision it must still have (0: it must not exist)."""

    value: AnyObject
    source: str = ""
    take_over: bool = False
    create_only: bool = False
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Unwanted:
    """One object to delete. With a `uid`, one of that name with another uid is not the one that was meant; `if_match`
    as in Wanted; `grace_period` in seconds, of a task: in place of its spec's."""

    key: ObjectKey
    take_over: bool = False
    if_match: int | None = None
    grace_period: float | None = None
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """`revision` is the object's mod revision; 0 for a dry run that would have written."""

    result: Result
    value: AnyObject
    before: AnyObject | None
    revision: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """`gone`: the key is deleted. Else it goes once what hangs on it is gone, and `value` says since when that is due.

    `value` None: what was deleted was not readable as an object of its kind.
    """

    value: AnyObject | None
    gone: bool
    revision: int


def stored(entry: Entry | None, kind: str) -> AnyObject | None:
    """None for an absent key, and for a value that no reader takes for such an object: it is in nobody's way."""
    try:
        return decode_object(entry.value, kind) if entry else None
    except BadValue:
        return None


ANY = -1
"""As an `if_match`: it must exist, at whatever revision (RFC 9110, 13.1.1)."""


def check_match(key: ObjectKey, if_match: int | None, entry: Entry | None) -> Refused | None:
    """The refusal when a precondition was given and does not hold."""
    if if_match is None or if_match == (entry.mod_revision if entry else 0) or (if_match == ANY and entry is not None):
        return None
    now = f"is at revision {entry.mod_revision}" if entry else "does not exist"
    if if_match == ANY:
        return Refused("PreconditionFailed", f"{key.label} {now}", "create it without If-Match")
    then = f"at revision {if_match}" if if_match else "absent"
    return Refused("PreconditionFailed", f"{key.label} {now}, not {then}", "read it again")


def overtaken(value: AnyObject) -> Refused:
    return Refused(
        "Conflict", f"others changed {key_of(value).label} {ROUNDS} times while this was written", "try again"
    )
