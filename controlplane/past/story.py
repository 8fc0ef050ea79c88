"""How one object came to be as it is: its key's own history, told as changes with who made them.

A key has one writer for each of its parts, so who changed what follows from what was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from taskyard.annotations import CHANGE_CAUSE, CHANGED_BY, COLLECTED
from taskyard.keys import ObjectKey
from taskyard.manifest import FieldChange, diff
from taskyard.objects import (
    AnyObject,
    BadValue,
    Binding,
    Metadata,
    NodeSpec,
    Task,
    TaskStatus,
    decode,
    decode_object,
)
from taskyard.store.api import Entry, KeyEvent, Store, StoreUnavailable

Declared = AnyObject | NodeSpec
_Read = Declared | BadValue | None
_PATIENCE = 10.0
"""Seconds for the next of the old events: etcd sends them as fast as it can."""
_SILENCE = 3.0


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: a word or two. `by`: a person's word for themselves, `folder/x`, `service/web`, a part of Taskyard.

    `at`: when, as the value itself says; empty where it does not. `fields`: of what is declared.
    """

    revision: int
    what: str
    by: str
    at: str = ""
    why: str = ""
    fields: tuple[FieldChange, ...] = ()


def events_of(store: Store, key: str, first: int, last: int) -> list[KeyEvent]:
    """All that happened to the key from revision `first` to `last`. Raises Compacted, StoreUnavailable.

    Of a key that is there at `last` the end is known. Where it is not, an etcd before 3.4.31 does not tell that no more
    comes, and some seconds of silence are taken for that.
    """
    there = store.get(key, revision=last)
    end = there.mod_revision if there is not None else last
    found: list[KeyEvent] = []
    if end < first:
        return found
    watch = store.watch(key, start_revision=first)
    seen = first - 1
    try:
        while seen < end:
            batch = watch.poll(_PATIENCE if there is not None else _SILENCE)
            if batch is None and there is not None:
                raise StoreUnavailable(f"the store does not go on with its history after revision {seen}")
            if batch is None:
                break
            found += [each for each in batch.events if each.key == key and each.revision <= last]
            seen = batch.revision
    finally:
        watch.close()
    return found


def changes_of(key: ObjectKey, before: Entry | None, events: Iterable[KeyEvent]) -> list[Change]:
    """Of what is declared under one key; `before`: as it was before the first of the events."""
    changes: list[Change] = []
    old = _read(before, key.kind)
    for event in events:
        new = _read(event.entry, key.kind)
        changes += _steps(old, new, event)
        old = new
    return changes


def states_of(node: str, before: Entry | None, events: Iterable[KeyEvent]) -> list[Change]:
    """What the agent of that node said of one task. Reports that change neither state nor attempt are left out."""
    changes = []
    old = _status(before)
    for event in events:
        new = _status(event.entry)
        if new is not None and (old is None or _standing(old) != _standing(new)):
            changes.append(Change(event.revision, _told(new), f"agent/{node}", new.updated_at, new.message))
        old = new
    return changes


def lives_of(node: str, events: Iterable[KeyEvent]) -> list[Change]:
    """When the node was there and when it was not, by its lease's key."""
    changes = []
    for event in events:
        if event.entry is None:
            changes.append(Change(event.revision, "gone", "its lease ended"))
        elif event.entry.version == 1:
            changes.append(Change(event.revision, "there", f"agent/{node}"))
    return changes


def _read(entry: Entry | None, kind: str) -> _Read:
    if entry is None:
        return None
    try:
        return decode(entry.value, NodeSpec) if kind == "Node" else decode_object(entry.value, kind)
    except BadValue as error:
        return error


def _steps(old: _Read, new: _Read, event: KeyEvent) -> Iterator[Change]:
    at = event.revision
    if isinstance(new, BadValue):
        yield Change(at, "unreadable", "somebody, by hand", why=str(new))
        return
    before = None if isinstance(old, BadValue) else old
    if new is None:
        yield Change(at, "removed", _remover(before))
        return
    collected = new.metadata.annotations.get(COLLECTED, "") if new.metadata.deletion_timestamp else ""
    if before is None or before.metadata.uid != new.metadata.uid:
        yield _declared("created", at, None, new)
    elif not collected and (fields := tuple(diff(before, new))):
        yield _declared("changed", at, before, new, fields)
    if before is not None and before.metadata.source != new.metadata.source:
        yield Change(at, "taken over", _author(new.metadata), why=f"from {before.metadata.source or 'a user'}")
    if new.metadata.deletion_timestamp and not (before and before.metadata.deletion_timestamp):
        author = "garbage collector" if collected else "user"
        yield Change(at, "to be deleted", author, new.metadata.deletion_timestamp, collected)
    if isinstance(new, Task):
        yield from _bindings(before.binding if isinstance(before, Task) else None, new.binding, at)


def _declared(
    what: str, revision: int, old: Declared | None, new: Declared, fields: tuple[FieldChange, ...] = ()
) -> Change:
    metadata = new.metadata
    told = old.metadata.annotations if old is not None else {}
    # An annotation that stayed as it was is about an earlier change.
    why = metadata.annotations.get(CHANGE_CAUSE, "")
    new_word = why != told.get(CHANGE_CAUSE, "") or old is None
    at = metadata.created_at if what == "created" else ""
    return Change(revision, what, _author(metadata), at, why if new_word else "", fields or tuple(diff(old, new)))


def _bindings(old: Binding | None, new: Binding | None, revision: int) -> Iterator[Change]:
    if new is not None and (old is None or new.epoch != old.epoch):
        where = f"moved from {old.node} to {new.node}" if old and old.node != new.node else f"bound to {new.node}"
        yield Change(revision, where, "scheduler", new.bound_at, f"epoch {new.epoch}")
    elif old is not None and new is None:
        yield Change(revision, f"unbound from {old.node}", "scheduler")


def _author(metadata: Metadata) -> str:
    """What cannot be known is called a user: requests carry no name yet."""
    if metadata.owner is not None:
        return f"{metadata.owner.kind.lower()}/{metadata.owner.name}"
    return metadata.annotations.get(CHANGED_BY, "") or metadata.source or "user"


def _remover(before: Declared | None) -> str:
    """What was marked for deletion is removed by a controller once nothing hangs on it."""
    return "controllers" if before is not None and before.metadata.deletion_timestamp else "user"


def _status(entry: Entry | None) -> TaskStatus | None:
    try:
        return decode(entry.value, TaskStatus) if entry is not None else None
    except BadValue:
        return None


def _standing(status: TaskStatus) -> tuple[object, ...]:
    return status.state, status.reason, status.attempt, status.epoch, status.health


def _told(status: TaskStatus) -> str:
    attempt = f", attempt {status.attempt}" if status.attempt > 1 else ""
    reason = f" ({status.reason})" if status.reason not in ("", status.state) else ""
    health = f", {status.health}" if status.health else ""
    return f"{status.state}{reason}{health}{attempt}"
