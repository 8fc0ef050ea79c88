"""What a folder's manifests ask of the store: pure. Reading files and writing tasks is done by folder.py around it.

What the folder declared before is what the store holds under its source: nothing else has to survive a restart, and a
file that was deleted while nobody watched is noticed like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from controlplane.folder.files import ALLOW_REMOVAL, Read
from taskyard.keys import NamedKey
from taskyard.objects import Task

MAX_SHARE = 0.5
"""Of the folder's objects that may go at once without being allowed to."""
GUARDED_FROM = 3
"""Objects; below this many the guard would only be in the way."""

ReportReason = Literal["BadManifest", "DeclaredTwice", "DeclaredElsewhere", "TakenOver", "RemovalHeld", "Refused"]


@dataclass(frozen=True, slots=True)
class Apply:
    """`known`: the task as the store has it, None when it is not there."""

    task: Task
    file: str
    known: Task | None


@dataclass(frozen=True, slots=True)
class Remove:
    key: NamedKey
    uid: str


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a person has to know. `about` None: the folder itself."""

    reason: ReportReason
    message: str
    about: NamedKey | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    applies: tuple[Apply, ...] = ()
    removes: tuple[Remove, ...] = ()
    reports: tuple[Report, ...] = ()
    declared: frozenset[NamedKey] = frozenset()


def plan(
    source: str,
    files: Mapping[str, Read],
    last_good: Mapping[str, tuple[Task, ...]],
    stored: Mapping[NamedKey, Task],
    applied: Mapping[NamedKey, Task],
    *,
    removal_allowed: bool = False,
    max_share: float = MAX_SHARE,
) -> Plan:
    """`stored` has at least what is declared and what carries `source`; `applied` is what this process applied last.

    A file that may not be used counts as it last was when it could be. In `applied`, a task that is no longer ours in
    the store but was not declared anew tells that a person has taken it over, and it is left to them.
    """
    reports = [Report("BadManifest", read.problem) for read in files.values() if read.problem and read.settled]
    wanted, doubles = _wanted(files, last_good)
    reports += doubles
    applies: list[Apply] = []
    for key, (file, task) in wanted.items():
        known = stored.get(key)
        report = _not_ours(source, key, file, task, known, applied)
        if report is not None:
            reports.append(report)
        elif known is None or (not known.metadata.deletion_timestamp and not _same(source, task, known)):
            applies.append(Apply(task, file, known))
    removes, held = _removals(source, files, last_good, stored, frozenset(wanted), removal_allowed, max_share)
    return Plan(tuple(applies), removes, (*reports, *held), frozenset(wanted))


def _wanted(
    files: Mapping[str, Read], last_good: Mapping[str, tuple[Task, ...]]
) -> tuple[dict[NamedKey, tuple[str, Task]], list[Report]]:
    """Each declared task and its file: of two files, the first in the order of their names."""
    wanted: dict[NamedKey, tuple[str, Task]] = {}
    doubles: list[Report] = []
    for file in sorted(files):
        tasks = files[file].tasks
        for task in last_good.get(file, ()) if tasks is None else tasks:
            key = NamedKey(task.metadata.namespace, task.metadata.name)
            first = wanted.setdefault(key, (file, task))[0]
            if first != file:
                message = f"{_name(key)} is declared in {first} and in {file}; the first counts. Take it out of one"
                doubles.append(Report("DeclaredTwice", message, key))
    return wanted, doubles


def _not_ours(
    source: str, key: NamedKey, file: str, task: Task, known: Task | None, applied: Mapping[NamedKey, Task]
) -> Report | None:
    """Why the folder may not, or no longer, have this task."""
    if known is None or known.metadata.source == source:
        return None
    if known.metadata.source:
        message = f"{file} declares {_name(key)}, but {known.metadata.source} does so already; take it out of one"
        return Report("DeclaredElsewhere", message, key)
    if applied.get(key) == task:
        message = f"{_name(key)} was taken over from {file} by a person; it is theirs until the file says otherwise"
        return Report("TakenOver", message, key)
    return None


def _same(source: str, task: Task, known: Task) -> bool:
    metadata = known.metadata
    return (
        metadata.source == source
        and known.spec == task.spec
        and metadata.labels == task.metadata.labels
        and metadata.annotations == task.metadata.annotations
    )


def _removals(
    source: str,
    files: Mapping[str, Read],
    last_good: Mapping[str, tuple[Task, ...]],
    stored: Mapping[NamedKey, Task],
    declared: frozenset[NamedKey],
    allowed: bool,
    max_share: float,
) -> tuple[tuple[Remove, ...], list[Report]]:
    """What to remove, or a report of why nothing is."""
    ours = {k: t for k, t in stored.items() if t.metadata.source == source and not t.metadata.deletion_timestamp}
    gone = sorted(key for key in ours if key not in declared)
    if not gone:
        return (), []
    names = ", ".join(_name(key) for key in gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    unknown = [file for file, read in files.items() if read.tasks is None and file not in last_good]
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


def _name(key: NamedKey) -> str:
    return f"task/{key.name}" + (f" in namespace {key.namespace}" if key.namespace != "default" else "")
