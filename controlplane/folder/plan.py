"""What a folder's manifests ask of the store: pure. Reading files and writing objects is done by folder.py around it.

What the folder declared before is what the store holds under its source: nothing else has to survive a restart, and a
file that was deleted while nobody watched is noticed like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from controlplane.defaults import as_written
from controlplane.folder.files import ALLOW_REMOVAL, Read
from taskyard.keys import ObjectKey
from taskyard.objects import AnyObject, key_of

MAX_SHARE = 0.5
"""Of the folder's objects that may go at once without being allowed to."""
GUARDED_FROM = 3
"""Objects; below this many the guard would only be in the way."""

ReportReason = Literal["BadManifest", "DeclaredTwice", "DeclaredElsewhere", "TakenOver", "RemovalHeld", "Refused"]


@dataclass(frozen=True, slots=True)
class Apply:
    """`known`: the object as the store has it, None when it is not there."""

    value: AnyObject
    file: str
    known: AnyObject | None


@dataclass(frozen=True, slots=True)
class Remove:
    key: ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a person has to know. `about` None: the folder itself."""

    reason: ReportReason
    message: str
    about: ObjectKey | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    applies: tuple[Apply, ...] = ()
    removes: tuple[Remove, ...] = ()
    reports: tuple[Report, ...] = ()
    declared: frozenset[ObjectKey] = frozenset()


def plan(
    source: str,
    files: Mapping[str, Read],
    last_good: Mapping[str, tuple[AnyObject, ...]],
    stored: Mapping[ObjectKey, AnyObject],
    applied: Mapping[ObjectKey, AnyObject],
    *,
    removal_allowed: bool = False,
    max_share: float = MAX_SHARE,
) -> Plan:
    """`stored` has at least what is declared and what carries `source`; `applied` is what this process applied last.

    A file that may not be used counts as it last was when it could be. In `applied`, an object that is no longer ours
    in the store but was not declared anew tells that a person has taken it over, and it is left to them.
    """
    reports = [Report("BadManifest", read.problem) for read in files.values() if read.problem and read.settled]
    wanted, doubles = _wanted(files, last_good)
    reports += doubles
    applies: list[Apply] = []
    for key, (file, value) in wanted.items():
        known = stored.get(key)
        report = _not_ours(source, key, file, value, known, applied)
        if report is not None:
            reports.append(report)
        elif known is None or (not known.metadata.deletion_timestamp and not _same(source, value, known)):
            applies.append(Apply(value, file, known))
    removes, held = _removals(source, files, last_good, stored, frozenset(wanted), removal_allowed, max_share)
    return Plan(tuple(applies), removes, (*reports, *held), frozenset(wanted))


def _wanted(
    files: Mapping[str, Read], last_good: Mapping[str, tuple[AnyObject, ...]]
) -> tuple[dict[ObjectKey, tuple[str, AnyObject]], list[Report]]:
    """Each declared object and its file: of two files, the first in the order of their names."""
    wanted: dict[ObjectKey, tuple[str, AnyObject]] = {}
    doubles: list[Report] = []
    for file in sorted(files):
        objects = files[file].objects
        for value in last_good.get(file, ()) if objects is None else objects:
            key = key_of(value)
            first = wanted.setdefault(key, (file, value))[0]
            if first != file:
                message = f"{key.label} is declared in {first} and in {file}; the first counts. Take it out of one"
                doubles.append(Report("DeclaredTwice", message, key))
    return wanted, doubles


def _not_ours(
    source: str,
    key: ObjectKey,
    file: str,
    value: AnyObject,
    known: AnyObject | None,
    applied: Mapping[ObjectKey, AnyObject],
) -> Report | None:
    """Why the folder may not, or no longer, have this object."""
    if known is None or known.metadata.source == source:
        return None
    if known.metadata.source:
        message = f"{file} declares {key.label}, but {known.metadata.source} does so already; take it out of one"
        return Report("DeclaredElsewhere", message, key)
    if applied.get(key) == value:
        message = f"{key.label} was taken over from {file} by a person; it is theirs until the file says otherwise"
        return Report("TakenOver", message, key)
    return None


def _same(source: str, value: AnyObject, known: AnyObject) -> bool:
    metadata = known.metadata
    return (
        metadata.source == source
        and value.spec in (known.spec, as_written(known).spec)
        and metadata.labels == value.metadata.labels
        and metadata.annotations == value.metadata.annotations
    )


def _removals(
    source: str,
    files: Mapping[str, Read],
    last_good: Mapping[str, tuple[AnyObject, ...]],
    stored: Mapping[ObjectKey, AnyObject],
    declared: frozenset[ObjectKey],
    allowed: bool,
    max_share: float,
) -> tuple[tuple[Remove, ...], list[Report]]:
    """What to remove, or a report of why nothing is."""
    ours = {k: t for k, t in stored.items() if t.metadata.source == source and not t.metadata.deletion_timestamp}
    gone = sorted(key for key in ours if key not in declared)
    if not gone:
        return (), []
    names = ", ".join(key.label for key in gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    unknown = [file for file, read in files.items() if read.objects is None and file not in last_good]
    if unknown:
        message = f"{names}: declared nowhere now, unless in {', '.join(unknown)}, which has to be mended first"
        return (), [Report("RemovalHeld", message)]
    if not allowed and len(ours) >= GUARDED_FROM and len(gone) > max_share * len(ours):
        message = (
            f"{len(gone)} of the folder's {len(ours)} objects are declared no more ({names}), and more than"
            f" {max_share:.0%} are not removed at once. If that is meant, create the file {ALLOW_REMOVAL} in the"
            " folder, and delete it afterwards"
        )
        return (), [Report("RemovalHeld", message)]
    return tuple(Remove(key, ours[key].metadata.uid) for key in gone), []
