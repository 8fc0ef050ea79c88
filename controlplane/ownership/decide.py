"""What is to be done next for an owner that is being deleted, and for what has lost its owner. Pure.

It cannot hang: what hangs on the owner is only ever asked to go, and a task goes whatever its node does
(controlplane/tasks); so each look either asks what has not been asked yet, waits for those, or ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.admission import removal_of
from controlplane.leading import Proposal, Step
from taskyard import keys
from taskyard.objects import AnyObject, encode, key_of
from taskyard.store.api import Compare, Delete, Entry, Put, unchanged


@dataclass(frozen=True, slots=True)
class Held:
    """An object as the store has it."""

    value: AnyObject
    entry: Entry


def next_steps(owner: Held, dependents: Sequence[Held], now: float) -> list[Proposal[Step]]:
    """For an owner with a deletion timestamp. Nothing: it waits for what was asked to go."""
    if dependents:
        return ask_to_go(dependents, now)
    key = key_of(owner.value)
    operations = [Delete(owner.entry.key)]
    if key.kind == "Service":
        operations.append(Delete(keys.rollout(key.namespace, key.name)))
    if key.kind == "Cron":
        operations.append(Delete(keys.ticks(key.namespace, key.name)))
    if key.kind == "Job":
        operations.append(Delete(keys.run(key.namespace, key.name)))
    return [Proposal(Step("finalise", key), (unchanged(owner.entry),), tuple(operations))]


def ask_to_go(dependents: Sequence[Held], now: float, also: tuple[Compare, ...] = ()) -> list[Proposal[Step]]:
    """Owners before the tasks that they would make anew. `also`: what else has to hold."""
    found = []
    for held in sorted(dependents, key=lambda held: (held.value.kind == "Task", held.entry.key)):
        removal = removal_of(held.value, now)
        if held.value.metadata.deletion_timestamp and removal.value is not None:
            continue
        key = keys.object_key(key_of(held.value))
        operation = Put(key, encode(removal.value)) if removal.value is not None else Delete(key)
        found.append(Proposal(Step("cascade", key_of(held.value)), (unchanged(held.entry), *also), (operation,)))
    return found
