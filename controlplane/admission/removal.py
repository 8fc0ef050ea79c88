"""Deletes one object in the store: read, decide, compare-and-swap. Called through ObjectWriter."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.admission.decide import Refused, Removal
from controlplane.admission.outcome import ROUNDS, Deleted, check_match, overtaken, stored
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, encode
from taskyard.store.api import Delete, Entry, OutcomeUnknown, Put, Store, StoreUnavailable, unchanged


def delete_object(
    store: Store, named: ObjectKey, decide: Callable[[AnyObject], Removal | Refused], if_match: int | None
) -> Deleted | Refused:
    """A value that cannot be read is deleted as it is. Raises OutcomeUnknown, StoreUnavailable."""
    key = keys.object_key(named)
    entry = store.get(key)
    existing: AnyObject | None = None
    unanswered = False
    for _ in range(ROUNDS):
        if entry is None:
            if unanswered:
                return Deleted(existing, True, 0)
            return Refused("NotFound", f"there is no {named.kind.lower()}/{named.name} in namespace {named.namespace}")
        existing = stored(entry, named.kind)
        ours = unanswered and existing is not None and existing.metadata.deletion_timestamp != ""
        refusal = None if ours else check_match(named, if_match, entry)
        removal = refusal or (decide(existing) if existing else Removal(None))
        if isinstance(removal, Refused):
            return removal
        if not removal.write:
            return Deleted(removal.value, False, entry.mod_revision)
        operation = Put(key, encode(removal.value)) if removal.value else Delete(key)
        try:
            commit = store.commit([unchanged(entry)], [operation])
        except OutcomeUnknown:
            unanswered = True
            entry = reread(store, key)
            continue
        if commit.succeeded:
            return Deleted(removal.value or existing, removal.value is None, commit.revision)
        entry = commit.current.get(key)
    return overtaken(existing) if existing else Refused("Conflict", f"others keep changing {key}", "try again")


def reread(store: Store, key: str) -> Entry | None:
    """What is there after a write without an answer; OutcomeUnknown when that cannot be found out."""
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise OutcomeUnknown(f"a write of {key} got no answer, and it cannot be read again: {error}") from error
