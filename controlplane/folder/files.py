"""Manifest files on disk: which there are, whether they changed, and what they declare. Reads, decides nothing.

A file is parsed again only when its stat says that it is another: a look at an unchanged folder costs one stat a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from taskyard.manifest import ManifestError, load, read_object
from taskyard.objects import AnyObject, NodeSpec, key_of

SUFFIXES = (".yaml", ".yml", ".json")
ALLOW_REMOVAL = ".allow-removal"
"""A file of this name in the folder lifts the guard against removing much at once."""
MAX_FILE_BYTES = 16 * 2**20


class Signature(NamedTuple):
    """Of the file that a path leads to, so that swapping a symbolic link changes it."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    """Of the inode: a new mode shows, and so does a new content with the old time."""


@dataclass(frozen=True, slots=True)
class Read:
    """One file at one moment. `objects` is None when nothing of it may be used; `problem` then says why.

    `settled` is false when the file was being written just then: it has to be looked at again.
    """

    objects: tuple[AnyObject, ...] | None
    problem: str = ""
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths below the folder, in order; `removal_allowed`: the marker file is there."""

    files: dict[str, Signature]
    removal_allowed: bool


class FolderUnreadable(Exception):
    """The folder, or one below it, cannot be listed: so nobody knows what is declared."""


def list_files(folder: Path) -> Listing:
    """Every manifest, also in folders below, but nothing hidden and no editor's leftovers (`.web.yaml.swp`).

    Raises FolderUnreadable: part of a list must not pass for all of it.
    """

    def unreadable(error: OSError) -> None:
        raise FolderUnreadable(f"{error.filename or folder}: {error.strerror}")

    found: dict[str, Signature] = {}
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if is_manifest(name):
                path = Path(parent, name)
                found[str(path.relative_to(folder))] = _signature(path)
    return Listing(dict(sorted(found.items())), (folder / ALLOW_REMOVAL).exists())


def is_manifest(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def read_file(folder: Path, name: str, listed: Signature) -> Read:
    """What it declares. A file that changes while it is read is a problem like any other, and is read again later."""
    path = folder / name
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        now = _signature(path)
    except OSError as error:
        return Read(None, f"{name}: cannot be read: {error.strerror}")
    if len(raw) > MAX_FILE_BYTES:
        return Read(None, f"{name}: is larger than {MAX_FILE_BYTES // 2**20} MiB; split it")
    if now != listed:
        return Read(None, f"{name}: changed while it was read", settled=False)
    return parse(raw, name)


def parse(raw: bytes, name: str) -> Read:
    """All of it or nothing: one bad document makes the file one that may not be used."""
    try:
        read = [read_object(document) for document in load(raw, name)]
    except ManifestError as error:
        return Read(None, "; ".join(str(problem) for problem in error.problems))
    objects = [one for one in read if not isinstance(one, NodeSpec)]
    if len(objects) < len(read):
        return Read(None, f"{name}: declares a Node; a watched folder applies no nodes (use `taskyard apply`)")
    keys = [key_of(one) for one in objects]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        return Read(None, f"{name}: declares {twice.kind.lower()}/{twice.name} in namespace {twice.namespace} twice")
    return Read(tuple(objects))


def _signature(path: Path) -> Signature:
    """All zero for a link that leads nowhere: a change of the link will show."""
    try:
        stat = path.stat()
    except OSError:
        return Signature(0, 0, 0, 0, 0)
    return Signature(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
