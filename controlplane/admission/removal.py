"""Deletes objects in the store: read, decide, compare-and-swap, many in one commit. Called through ObjectWriter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane.admission.chunks import chunks
from controlplane.admission.decide import Refused, Removal
from controlplane.admission.outcome import ROUNDS, Deleted, Unwanted, check_match, overtaken, stored
from taskyard import keys
from taskyard.objects import AnyObject, encode
from taskyard.store.api import (
    MAX_OPERATIONS,
    Delete,
    Entry,
    OutcomeUnknown,
    Put,
    Store,
    StoreUnavailable,
    unchanged_since,
)

Decide = Callable[[Unwanted, AnyObject], Removal | Refused]


@dataclass(slots=True)
class _Pending:
    """One object on its way: what is known of it. `unanswered`: a write of it may have happened."""

    index: int
    asked: Unwanted
    key: str
    entry: Entry | None
    fresh: bool
    existing: AnyObject | None = None
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class _Ready:
    pending: _Pending
    removal: Removal
    written: bytes
    """Empty: the key goes."""


def delete_objects(
    store: Store,
    asked: Sequence[Unwanted],
    decide: Decide,
    guess: Callable[[str], Entry | None] | None = None,
) -> list[Deleted | Refused]:
    """Each is decided and answered for itself; a value that cannot be read is deleted as it is. `guess` as the
    ObjectWriter's. Raises OutcomeUnknown, StoreUnavailable."""
    outcomes: dict[int, Deleted | Refused] = {}
    waiting = [_begin(store, index, each, guess) for index, each in enumerate(asked)]
    size = MAX_OPERATIONS - 1  # beside the fence that the folder adds
    for _ in range(ROUNDS):
        ready: list[_Ready] = []
        for pending in waiting:
            outcome = _decide(store, pending, decide)
            if isinstance(outcome, Removal):
                ready.append(_Ready(pending, outcome, encode(outcome.value) if outcome.value else b""))
            else:
                outcomes[pending.index] = outcome
        waiting = []
        for chunk in chunks(ready, size, lambda item: item.pending.key, lambda item: item.written):
            waiting += _commit(store, chunk, outcomes)
        if not waiting:
            break
        size = max(1, size // 4)
    outcomes |= {pending.index: _overtaken(pending) for pending in waiting}
    return [outcomes[index] for index in range(len(asked))]


def _begin(store: Store, index: int, asked: Unwanted, guess: Callable[[str], Entry | None] | None) -> _Pending:
    key = keys.object_key(asked.key)
    return _Pending(index, asked, key, guess(key) if guess else store.get(key), guess is None)


def _decide(store: Store, pending: _Pending, decide: Decide) -> Removal | Deleted | Refused:
    """A removal means: write it. What ends without a write is only believed of a fresh read."""
    outcome = _judge(pending, decide)
    if isinstance(outcome, Removal) and outcome.write:
        return outcome
    if not pending.fresh:
        pending.entry, pending.fresh = store.get(pending.key), True
        return _decide(store, pending, decide)
    if isinstance(outcome, Removal):
        return Deleted(outcome.value, False, pending.entry.mod_revision if pending.entry else 0)
    return outcome


def _judge(pending: _Pending, decide: Decide) -> Removal | Deleted | Refused:
    asked, entry = pending.asked, pending.entry
    if entry is None:
        if pending.unanswered:
            return Deleted(pending.existing, True, 0)
        named = asked.key
        return Refused("NotFound", f"there is no {named.kind.lower()}/{named.name} in namespace {named.namespace}")
    existing = pending.existing = stored(entry, asked.key.kind)
    ours = pending.unanswered and existing is not None and existing.metadata.deletion_timestamp != ""
    refusal = None if ours else check_match(asked.key, asked.if_match, entry)
    return refusal or (decide(asked, existing) if existing else Removal(None))


def _commit(store: Store, chunk: list[_Ready], outcomes: dict[int, Deleted | Refused]) -> list[_Pending]:
    """Gives back those that have to be decided again, with what is there now."""
    pendings = [item.pending for item in chunk]
    compares = [unchanged_since(each.key, each.entry.mod_revision if each.entry else 0) for each in pendings]
    operations = [Put(i.pending.key, i.written) if i.written else Delete(i.pending.key) for i in chunk]
    try:
        commit = store.commit(compares, operations)
    except OutcomeUnknown:
        for pending in pendings:
            pending.entry, pending.fresh, pending.unanswered = reread(store, pending.key), True, True
        return pendings
    if not commit.succeeded:
        for pending in pendings:
            pending.entry, pending.fresh = commit.current.get(pending.key), True
        return pendings
    for item in chunk:
        value = item.removal.value
        outcomes[item.pending.index] = Deleted(value or item.pending.existing, value is None, commit.revision)
    return []


def _overtaken(pending: _Pending) -> Refused:
    if pending.existing is not None:
        return overtaken(pending.existing)
    return Refused("Conflict", f"others keep changing {pending.key}", "try again")


def reread(store: Store, key: str) -> Entry | None:
    """What is there after a write without an answer; OutcomeUnknown when that cannot be found out."""
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise OutcomeUnknown(f"a write of {key} got no answer, and it cannot be read again: {error}") from error
