"""Tells, when an agent starts, that the store lost data while it was away: a count that both have and that only grows.

The agent raises it after each new assignment, in the store first and then in its data folder. So a store that was
wiped, or restored from a backup without that assignment, has a smaller one than the folder. Called by agent.py.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from nodeagent import durable
from taskyard import keys
from taskyard.objects import BadValue, NodeAnchor, decode, encode
from taskyard.store.api import Commit, Entry, Operation, Put, StoreError

KEY = "anchor"
"""Stands for it in the work queue, where all else is a task's uid."""


class Memo(Protocol):
    """Where the count outlives the agent. 0: nothing was written yet."""

    def read(self) -> int: ...

    def write(self, count: int) -> None: ...


class FileMemo:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "anchor"

    def read(self) -> int:
        """A file that cannot be read or understood is one that says nothing."""
        try:
            text = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            return 0
        return int(text) if text.isdecimal() else 0

    def write(self, count: int) -> None:
        durable.write(self._path, str(count))


class MemoryMemo:
    """For simulations, where the folder of a host is memory too."""

    def __init__(self) -> None:
        self._count = 0
        self.full = False
        """There is no room to write."""

    def read(self) -> int:
        return self._count

    def write(self, count: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        self._count = count


class Anchor:
    """`commit` writes under the node's registration; it answers None while there is none."""

    def __init__(
        self, node: str, host_id: str, memo: Memo, commit: Callable[[Sequence[Operation]], Commit | None]
    ) -> None:
        self.key = keys.node_anchor(node)
        self._host_id = host_id
        self._memo = memo
        self._commit = commit

    def went_back(self, found: Entry | None) -> bool:
        """`found`: what the store has. What another host left there, which had the name meanwhile, says nothing."""
        remembered, there = self._memo.read(), _read(found)
        if there is not None and there.host_id != self._host_id:
            return False
        return (there.count if there else 0) < remembered

    def advance(self, found: Entry | None) -> None:
        """Raises StoreError, OSError."""
        there = _read(found)
        count = max(self._memo.read(), there.count if there else 0) + 1
        done = self._commit([Put(self.key, encode(NodeAnchor(host_id=self._host_id, count=count)))])
        if done is None or not done.succeeded:
            raise StoreError("the node is not registered")
        self._memo.write(count)


def _read(found: Entry | None) -> NodeAnchor | None:
    """Rubbish that somebody put there counts as nothing: then containers stay that might have gone."""
    try:
        return decode(found.value, NodeAnchor) if found else None
    except BadValue:
        return None
