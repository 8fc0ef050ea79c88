"""The files of Secrets and Configs in memory, without a file system. For simulations.

What is kept belongs to the host: it is there still when its agent is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nodeagent.value_files import FileSettings

Kept = dict[str, dict[str, dict[str, str]]]
"""By the task's uid and by where they are mounted."""


class FakeFiles:
    """Implements Files. `touched` is called before and after each change, with what is done."""

    def __init__(self, kept: Kept, touched: Callable[[str], None] = lambda _: None) -> None:
        self._kept = kept
        self._touched = touched
        self._versions: dict[str, int] = {}

    def write(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> Path:
        del settings
        self._touched("before it writes files")
        self._versions[uid] = self.version(uid) + 1
        self._kept.setdefault(uid, {})[slot] = dict(values)
        self._touched("after it wrote files")
        return self._path(uid, slot)

    def renew(self, uid: str, slot: str, values: Mapping[str, str], settings: FileSettings) -> bool:
        there = self.folder(uid, slot) is not None
        if there:
            self.write(uid, slot, values, settings)
        return there

    def read(self, uid: str, slot: str) -> dict[str, str] | None:
        return self._kept.get(uid, {}).get(slot)

    def folder(self, uid: str, slot: str) -> Path | None:
        return self._path(uid, slot) if self.read(uid, slot) is not None else None

    def version(self, uid: str) -> int:
        return self._versions.get(uid, 0)

    def remove(self, uid: str) -> None:
        self._touched("before it removes files")
        self._versions.pop(uid, None)
        self._kept.pop(uid, None)
        self._touched("after it removed files")

    def uids(self) -> list[str]:
        return sorted(self._kept)

    def _path(self, uid: str, slot: str) -> Path:
        return Path("/files", uid, slot.strip("/"))
