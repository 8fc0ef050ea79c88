"""What an apply or a delete does to the object that is stored now: pure, with `now` and the new uid passed in.

Here: who may change what, which fields are the server's, when the generation rises. Not here: whether the manifest is
valid (taskyard.manifest) and the compare-and-swap (writer.py, which calls this).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from taskyard.annotations import but_who
from taskyard.clock import timestamp
from taskyard.keys import ObjectKey
from taskyard.kinds import BY_KIND
from taskyard.objects import AnyObject, Config, Job, JobSpec, Metadata, NamedVolume, Owner, Secret, Task, key_of

GRACE_PERIOD = "taskyard/grace-period"
"""Annotation with the seconds that a delete gives the container, in place of its spec's."""

Result = Literal["created", "configured", "unchanged"]
Reason = Literal[
    "Exists",
    "NotFound",
    "Deleting",
    "DeclaredElsewhere",
    "Owned",
    "PreconditionFailed",
    "Conflict",
    "Fixed",
    "DependencyCycle",
    "BeyondLimits",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` is what to write, or what is there already when `result` is unchanged."""

    result: Result
    value: AnyObject


@dataclass(frozen=True, slots=True)
class Removal:
    """`value` None: delete the key now. `write` False: the deletion was accepted before, and nothing is to be done."""

    value: AnyObject | None
    write: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """`reason` is for programs, `message` says what and why, `hint` what to do."""

    reason: Reason
    message: str
    hint: str = ""


def decide(
    wanted: AnyObject,
    existing: AnyObject | None,
    *,
    source: str,
    now: float,
    uid: str,
    take_over: bool = False,
    create_only: bool = False,
) -> Verdict | Refused:
    """`source` is empty for a person and `folder/<name>` for a watched folder; `wanted.spec` is normalised.

    A folder takes over what a person applied. What a folder declares is changed by that folder alone, or by a person
    with `take_over`: otherwise two sources would undo each other for ever.
    """
    if existing is None:
        metadata = _of_user(wanted.metadata, uid=uid, generation=1, created_at=timestamp(now), source=source)
        made = replace(wanted, metadata=metadata)
        return Verdict("created", replace(made, binding=None) if isinstance(made, Task) else made)
    if existing.metadata.deletion_timestamp:
        return Refused(
            "Deleting",
            f"{key_of(existing).label} is being deleted since {existing.metadata.deletion_timestamp}",
            "wait until it is gone, then try again",
        )
    if create_only:
        where = f"/{BY_KIND[existing.kind].plural}/{existing.metadata.name}"
        return Refused(
            "Exists", f"{key_of(existing).label} exists already", f"PUT {where} to change it, or DELETE it first"
        )
    same_spec = wanted.spec == existing.spec
    metadata = _of_user(
        wanted.metadata,
        uid=existing.metadata.uid or uid,
        generation=existing.metadata.generation + (0 if same_spec else 1) or 1,
        created_at=existing.metadata.created_at or timestamp(now),
        source=source,
        owner=existing.metadata.owner,
    )
    if same_spec and _noted_alike(metadata, existing.metadata) and (source in ("", existing.metadata.source)):
        return Verdict("unchanged", existing)
    refusal = _owned(existing) or _not_yours(existing, source, take_over) or _fixed(existing, wanted)
    return refusal or Verdict("configured", replace(existing, metadata=metadata, spec=wanted.spec))


def decide_delete(
    existing: AnyObject,
    *,
    source: str,
    now: float,
    take_over: bool = False,
    grace_period: float | None = None,
) -> Removal | Refused:
    """What nothing hangs on goes at once: a task that was never bound, and all that own nothing. The others are marked:
    a bound task goes once its container has stopped, an owner once all that it owns is gone.

    A folder removes only what it declares itself. `grace_period` is in seconds, at most a day.
    """
    if source and existing.metadata.source != source:
        owner = existing.metadata.source or "a person"
        return Refused("DeclaredElsewhere", f"{key_of(existing).label} is declared by {owner}, not by {source}")
    refusal = _not_yours(existing, source, take_over)
    if refusal:
        return refusal
    return removal_of(existing, now, grace_period)


def removal_of(existing: AnyObject, now: float, grace_period: float | None = None) -> Removal:
    """How it goes, whoever wants it to: at once, or marked."""
    if isinstance(existing, Secret | Config | NamedVolume) or (isinstance(existing, Task) and existing.binding is None):
        return Removal(None)
    annotations = existing.metadata.annotations
    if grace_period is not None and isinstance(existing, Task):
        annotations = {**annotations, GRACE_PERIOD: f"{grace_period:g}"}
    metadata = replace(
        existing.metadata,
        annotations=annotations,
        deletion_timestamp=existing.metadata.deletion_timestamp or timestamp(now),
    )
    return Removal(replace(existing, metadata=metadata), write=metadata != existing.metadata)


def _of_user(
    written: Metadata, *, uid: str, generation: int, created_at: str, source: str, owner: Owner | None = None
) -> Metadata:
    """The user's four fields, and the server's as given: nobody sets a uid or a deletion through a manifest.
    What was filled in on the way here is noted."""
    return Metadata(
        name=written.name,
        namespace=written.namespace,
        labels=written.labels,
        annotations=written.annotations,
        uid=uid,
        generation=generation,
        created_at=created_at,
        source=source,
        owner=owner,
        defaulted=written.defaulted,
    )


def _noted_alike(left: Metadata, right: Metadata) -> bool:
    same = but_who(left.annotations) == but_who(right.annotations)
    return same and (left.labels, left.defaulted) == (right.labels, right.defaulted)


def _owned(existing: AnyObject) -> Refused | None:
    owner = existing.metadata.owner
    if owner is None or owner.kind == "Cron":
        return None  # It makes its jobs, and leaves them alone then.
    by = ObjectKey(owner.kind, existing.metadata.namespace, owner.name).label
    return Refused("Owned", f"{key_of(existing).label} is made by {by}, which would undo the change", f"change {by}")


_FIXED: dict[str, Callable[[JobSpec], object]] = {
    "completions": lambda spec: spec.completions,
    "guarantee": lambda spec: spec.guarantee,
    "allOrNothing": lambda spec: spec.all_or_nothing,
    "parameters": lambda spec: spec.parameters,
    "success": lambda spec: spec.success,
    "template": lambda spec: spec.template,
}


def _fixed(existing: AnyObject, wanted: AnyObject) -> Refused | None:
    """What of a job stays as it was made: some of its tasks have run already, and what they did counts."""
    if not isinstance(existing, Job) or not isinstance(wanted, Job):
        return None
    before, after = existing.spec, wanted.spec
    changed = [name for name, read in _FIXED.items() if read(before) != read(after)]
    if not changed:
        return None
    fields = " and ".join(f"spec.{field}" for field in changed)
    message = f"{fields} of {key_of(existing).label} cannot be changed: its tasks that have run were made as it was"
    return Refused("Fixed", message, "delete it and apply it anew, or give it another name")


def _not_yours(existing: AnyObject, source: str, take_over: bool) -> Refused | None:
    owner = existing.metadata.source
    if not owner or owner == source or (take_over and not source):
        return None
    there = f"change it in {owner}, or repeat with --force (?force=1) to take it over"
    hint = "take it out of one of the two" if source else there
    return Refused("DeclaredElsewhere", f"{key_of(existing).label} is declared by {owner}", hint)
