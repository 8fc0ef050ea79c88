"""Deletes one task in the store: read, decide, compare-and-swap. Called through TaskWriter."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.admission.decide import Refused, Removal
from controlplane.admission.outcome import ROUNDS, Deleted, check_match, overtaken, stored_task
from taskyard import keys
from taskyard.objects import Task, encode
from taskyard.store.api import Delete, Entry, OutcomeUnknown, Put, Store, StoreUnavailable, unchanged


def delete_task(
    store: Store, namespace: str, name: str, decide: Callable[[Task], Removal | Refused], if_match: int | None
) -> Deleted | Refused:
    """A value that is no task at all is deleted as it is. Raises OutcomeUnknown, StoreUnavailable."""
    key = keys.task(namespace, name)
    entry = store.get(key)
    existing: Task | None = None
    unanswered = False
    for _ in range(ROUNDS):
        if entry is None:
            if unanswered:
                return Deleted(existing, True, 0)
            return Refused("NotFound", f"there is no task/{name} in namespace {namespace}")
        existing = stored_task(entry)
        ours = unanswered and existing is not None and existing.metadata.deletion_timestamp != ""
        refusal = None if ours else check_match(namespace, name, if_match, entry)
        removal = refusal or (decide(existing) if existing else Removal(None))
        if isinstance(removal, Refused):
            return removal
        if not removal.write:
            return Deleted(removal.task, False, entry.mod_revision)
        operation = Put(key, encode(removal.task)) if removal.task else Delete(key)
        try:
            commit = store.commit([unchanged(entry)], [operation])
        except OutcomeUnknown:
            unanswered = True
            entry = reread(store, key)
            continue
        if commit.succeeded:
            return Deleted(removal.task or existing, removal.task is None, commit.revision)
        entry = commit.current.get(key)
    return overtaken(existing) if existing else Refused("Conflict", f"others keep changing {key}", "try again")


def reread(store: Store, key: str) -> Entry | None:
    """What is there after a write without an answer; OutcomeUnknown when that cannot be found out."""
    try:
        return store.get(key)
    except StoreUnavailable as error:
        raise OutcomeUnknown(f"a write of {key} got no answer, and it cannot be read again: {error}") from error
