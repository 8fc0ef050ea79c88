"""Secrets and Configs as files on the node: folders in memory that containers mount, changed in place as a whole.

Each volume of a task has a folder with a link for each value, all by way of one link to the folder that holds them now:
turning that one link around changes them all at once, as Kubernetes does it. Nothing here knows where values come from.
Called in lanes by preparation, and by freshness.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

from nodeagent.names import Owner

_IN_MEMORY = ("tmpfs", "ramfs")
_NOW = "..now"
"""The link to the folder with the values. No value's name begins with a dot."""


class FilesRefused(Exception):
    """The message says why no files can be written, and what to do."""


class FileSettings(msgspec.Struct, frozen=True, gc=False):
    """Permission bits; numbers of user and group."""

    mode: int
    user: int
    group: int


class Files(Protocol):
    """What the agent needs of them: see `ValueFiles`."""

    def write(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> Path: ...

    def renew(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> bool: ...

    def read(self, uid: str, slot: str) -> dict[str, str] | None: ...

    def folder(self, uid: str, slot: str) -> Path | None: ...

    def version(self, uid: str) -> int: ...

    def remove(self, uid: str) -> None: ...

    def uids(self) -> list[str]: ...


class ValueFiles:
    """Any thread may call. `parent`: a folder in memory, which several agents may share."""

    def __init__(self, parent: Path, owner: Owner) -> None:
        digest = hashlib.sha256(f"{owner.cluster}/{owner.node}".encode()).hexdigest()[:16]
        self._parent = parent
        self._root = parent / digest
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}

    def write(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> Path:
        """The folder to mount for this volume of the task, `slot` being where to. Raises FilesRefused, OSError."""
        with self._lock:
            return self._write(uid, slot, values, settings)

    def renew(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> bool:
        """As `write`, in place of what was written before. False when that is gone: whoever removed it does not come
        again, so nothing may be put there after that."""
        with self._lock:
            there = self.folder(uid, slot) is not None
            if there:
                self._write(uid, slot, values, settings)
            return there

    def read(self, uid: str, slot: str) -> dict[str, str] | None:
        """What was written there; None when nothing was. Raises OSError."""
        with self._lock:
            folder = self._folder(uid, slot)
            return self._known(folder) if (folder / _NOW).is_symlink() else None

    def folder(self, uid: str, slot: str) -> Path | None:
        """Where that is; None when nothing was written."""
        folder = self._folder(uid, slot)
        return folder if (folder / _NOW).is_symlink() else None

    def version(self, uid: str) -> int:
        """Another one after each write."""
        with self._lock:
            return self._versions.get(uid, 0)

    def remove(self, uid: str) -> None:
        with self._lock:
            self._versions.pop(uid, None)
            shutil.rmtree(self._root / uid, ignore_errors=True)

    def uids(self) -> list[str]:
        """Of the tasks that have files here."""
        try:
            return sorted(entry.name for entry in self._root.iterdir())
        except FileNotFoundError:
            return []

    def _write(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> Path:
        self._make_root()
        folder = self._folder(uid, slot)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        known = self._known(folder)
        self._versions[uid] = self._versions.get(uid, 0) + 1
        held = folder / f"..{secrets.token_hex(4)}"
        held.mkdir()
        held.chmod(0o755)
        for name, value in values.items():
            _put(held / name, value, settings)
            _link(folder / name, f"{_NOW}/{name}")
        _link(folder / _NOW, held.name)
        for name in known.keys() - values.keys():
            (folder / name).unlink(missing_ok=True)
        for other in folder.glob("..[0-9a-f]*"):
            if other.name != held.name:
                shutil.rmtree(other, ignore_errors=True)
        return folder

    def _folder(self, uid: str, slot: str) -> Path:
        return self._root / uid / hashlib.sha256(slot.encode()).hexdigest()[:16]

    def _known(self, folder: Path) -> dict[str, str]:
        now = folder / _NOW
        return {file.name: file.read_bytes().decode() for file in now.iterdir()} if now.is_dir() else {}

    def _make_root(self) -> None:
        """For nobody but the agent: whoever gets below it reads what is there."""
        for folder in (self._parent, self._root):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise FilesRefused(
                    f"{folder} is not the agent's own folder: start the agent with another --secrets-dir"
                )
        self._root.chmod(0o700)
        if _file_system(self._root) not in _IN_MEMORY:
            raise FilesRefused(
                f"{self._parent} is on a disk, and secrets are kept in memory only: start the agent with a"
                " --secrets-dir on a tmpfs"
            )


def _put(path: Path, value: str, settings: FileSettings) -> None:
    """Closed to all others until it is whose it is to be."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value.encode())
        if (settings.user, settings.group) != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), settings.user, settings.group)
        os.fchmod(file.fileno(), settings.mode)


def _link(path: Path, target: str) -> None:
    """In one step, also in place of another."""
    if path.is_symlink() and os.readlink(path) == target:
        return
    temporary = path.with_name("..new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.rename(path)


def _file_system(folder: Path) -> str:
    """`tmpfs`, `ext4`: of the innermost mount that the folder is under."""
    real = Path(os.path.realpath(folder))
    found = [one for one in psutil.disk_partitions(all=True) if real.is_relative_to(one.mountpoint)]
    return max(found, key=lambda one: len(one.mountpoint)).fstype if found else ""
