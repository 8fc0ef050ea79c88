"""Deletes one object in the store: read, decide, compare-and-swap. Called through ObjectWriter."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.admission.decide import Refused, Removal
from controlplane.admission.outcome import ROUNDS, Deleted, check_match, overtaken, stored
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, encode
from taskyard.store.api import Delete, Entry, OutcomeUnknown, Put, Store, StoreUnavailable, unchanged_since


def delete_object(
    store: Store,
    named: ObjectKey,
    decide: Callable[[AnyObject], Removal | Refused],
    if_match: int | None,
    guess: Callable[[str], Entry | None] | None = None,
) -> Deleted | Refused:
    """A value that cannot be read is deleted as it is. `guess` as the ObjectWriter's. Raises OutcomeUnknown,
    StoreUnavailable."""
    key = keys.object_key(named)
    entry, fresh = (guess(key), False) if guess else (store.get(key), True)
    existing: AnyObject | None = None
    unanswered = False
    for _ in range(ROUNDS):
        if entry is None and unanswered:
            return Deleted(existing, True, 0)
        existing = stored(entry, named.kind)
        ours = unanswered and existing is not None and existing.metadata.deletion_timestamp != ""
        removal = _removal(named, entry, existing, decide, None if ours else if_match)
        if not fresh and not (isinstance(removal, Removal) and removal.write):
            # What ends without a write is only believed of a fresh read.
            entry, fresh = store.get(key), True
            continue
        if isinstance(removal, Refused):
            return removal
        revision = entry.mod_revision if entry else 0
        if not removal.write:
            return Deleted(removal.value, False, revision)
        operation = Put(key, encode(removal.value)) if removal.value else Delete(key)
        try:
            commit = store.commit([unchanged_since(key, revision)], [operation])
        except OutcomeUnknown:
            unanswered = fresh = True
            entry = reread(store, key)
            continue
        if commit.succeeded:
            return Deleted(removal.value or existing, removal.value is None, commit.revision)
        entry, fresh = commit.current.get(key), True
    return overtaken(existing) if existing else Refused("Conflict", f"others keep changing {key}", "try again")


def _removal(
    named: ObjectKey,
    entry: Entry | None,
    existing: AnyObject | None,
    decide: Callable[[AnyObject], Removal | Refused],
    if_match: int | None,
) -> Removal | Refused:
    if entry is None:
        return Refused("NotFound", f"there is no {named.kind.lower()}/{named.name} in namespace {named.namespace}")
    return check_match(named, if_match, entry) or (decide(existing) if existing else Removal(None))


def reread(store: Store, key: str) -> Entry | None:
    """What is there after a write without an answer; OutcomeUnknown when that cannot be found out."""
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise OutcomeUnknown(f"a write of {key} got no answer, and it cannot be read again: {error}") from error
