"""What this process has just written, kept until the watch tells of it: the news need not be read and checked again.

Only ever a short cut: a value that is not here, or that is another than was expected, is read like anybody's.
"""

from __future__ import annotations

from typing import TypeVar

from controlplane.cluster.demand import Demand
from taskyard.objects import Assignment, Task
from taskyard.store.api import Entry

V = TypeVar("V", Task, Assignment)

_KEPT = 8192
"""Writes whose news has not come, perhaps because they failed, before all are given up."""


class OwnWrites:
    """One thread notes and another takes: both are single steps on a dict."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[bytes, Task | Assignment, Demand]] = {}

    def __contains__(self, key: object) -> bool:
        """Something was noted for this key in etcd."""
        return key in self._written

    def note(self, key: str, raw: bytes, value: Task | Assignment, demand: Demand) -> None:
        """`raw` is what goes to the store, and what reading it would give: a valid value with its demand. Before the
        commit, since the news of it may be quicker than the answer."""
        if len(self._written) >= _KEPT:
            self._written.clear()
        self._written[key] = raw, value, demand

    def take(self, entry: Entry | None, kind: type[V]) -> tuple[V, Demand] | None:
        """What the entry's value means, if it is the very one that was noted last for its key."""
        found = self._written.pop(entry.key, None) if entry is not None else None
        if found is None or entry is None or found[0] != entry.value or not isinstance(found[1], kind):
            return None
        return found[1], found[2]
