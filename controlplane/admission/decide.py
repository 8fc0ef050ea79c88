"""What an apply or a delete does to the task that is stored now: pure, with `now` and the new uid passed in.

Here: who may change what, which fields are the server's, when the generation rises. Not here: whether the manifest is
valid (taskyard.manifest) and the compare-and-swap (writer.py, which calls this).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from taskyard.clock import timestamp
from taskyard.objects import Metadata, Task

GRACE_PERIOD = "taskyard/grace-period"
"""Annotation with the seconds that a delete gives the container, in place of its spec's."""

Result = Literal["created", "configured", "unchanged"]
Reason = Literal["Exists", "NotFound", "Deleting", "DeclaredElsewhere", "PreconditionFailed", "Conflict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`task` is what to write, or what is there already when `result` is unchanged."""

    result: Result
    task: Task


@dataclass(frozen=True, slots=True)
class Removal:
    """`task` None: delete the key now. `write` False: the deletion was accepted before, and nothing is to be done."""

    task: Task | None
    write: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """`reason` is for programs, `message` says what and why, `hint` what to do."""

    reason: Reason
    message: str
    hint: str = ""


def decide(
    wanted: Task,
    existing: Task | None,
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
        return Verdict("created", replace(wanted, metadata=metadata, binding=None))
    if existing.metadata.deletion_timestamp:
        return Refused(
            "Deleting",
            f"{name_of(existing)} is being deleted since {existing.metadata.deletion_timestamp}",
            "wait until it is gone, then try again",
        )
    if create_only:
        where = f"/tasks/{existing.metadata.name}"
        return Refused("Exists", f"{name_of(existing)} exists already", f"PUT {where} to change it, or DELETE it first")
    same_spec = wanted.spec == existing.spec
    metadata = _of_user(
        wanted.metadata,
        uid=existing.metadata.uid or uid,
        generation=existing.metadata.generation + (0 if same_spec else 1) or 1,
        created_at=existing.metadata.created_at or timestamp(now),
        source=source,
    )
    if same_spec and _labelled_alike(metadata, existing.metadata) and (source in ("", existing.metadata.source)):
        return Verdict("unchanged", existing)
    refusal = _not_yours(existing, source, take_over)
    return refusal or Verdict("configured", replace(existing, metadata=metadata, spec=wanted.spec))


def decide_delete(
    existing: Task,
    *,
    source: str,
    now: float,
    take_over: bool = False,
    grace_period: float | None = None,
) -> Removal | Refused:
    """A task that was never bound goes at once. A bound one is marked, and goes once its container has stopped.

    A folder removes only what it declares itself. `grace_period` is in seconds, at most a day.
    """
    if source and existing.metadata.source != source:
        owner = existing.metadata.source or "a person"
        return Refused("DeclaredElsewhere", f"{name_of(existing)} is declared by {owner}, not by {source}")
    refusal = _not_yours(existing, source, take_over)
    if refusal:
        return refusal
    if existing.binding is None:
        return Removal(None)
    annotations = existing.metadata.annotations
    if grace_period is not None:
        annotations = {**annotations, GRACE_PERIOD: f"{grace_period:g}"}
    metadata = replace(
        existing.metadata,
        annotations=annotations,
        deletion_timestamp=existing.metadata.deletion_timestamp or timestamp(now),
    )
    return Removal(replace(existing, metadata=metadata), write=metadata != existing.metadata)


def name_of(task: Task) -> str:
    """`task/web`, or `task/web in namespace shop`."""
    namespace = task.metadata.namespace
    return f"task/{task.metadata.name}" + (f" in namespace {namespace}" if namespace != "default" else "")


def _of_user(written: Metadata, *, uid: str, generation: int, created_at: str, source: str) -> Metadata:
    """The user's four fields, and the server's as given: nobody sets a uid or a deletion through a manifest."""
    return Metadata(
        name=written.name,
        namespace=written.namespace,
        labels=written.labels,
        annotations=written.annotations,
        uid=uid,
        generation=generation,
        created_at=created_at,
        source=source,
    )


def _labelled_alike(left: Metadata, right: Metadata) -> bool:
    return left.labels == right.labels and left.annotations == right.annotations


def _not_yours(existing: Task, source: str, take_over: bool) -> Refused | None:
    owner = existing.metadata.source
    if not owner or owner == source or (take_over and not source):
        return None
    hint = "take it out of one of the two" if source else f"change it in {owner}, or repeat with force to take it over"
    return Refused("DeclaredElsewhere", f"{name_of(existing)} is declared by {owner}", hint)
