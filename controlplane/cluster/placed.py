"""Assignments, or statuses, by the task's uid and the node. Nearly every task has one, and no dict is made for that.

The tables fill it and the cache reads it, both under the informer's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from controlplane.cluster.records import AssignmentRecord, StatusRecord

R = TypeVar("R", AssignmentRecord, StatusRecord)


class Placed(Generic[R]):
    def __init__(self) -> None:
        self._records: dict[str, R | dict[str, R]] = {}
        """By uid: the one that there is, or by node where there are more."""

    def on(self, uid: str, node: str) -> R | None:
        found = self._records.get(uid)
        if isinstance(found, dict):
            return found.get(node)
        return found if found is not None and found.node == node else None

    def of(self, uid: str) -> Mapping[str, R]:
        """By node."""
        found = self._records.get(uid)
        if isinstance(found, dict):
            return dict(found)
        return {found.node: found} if found is not None else {}

    def uids(self) -> set[str]:
        return set(self._records)

    def exchange(self, uid: str, node: str, new: R | None) -> R | None:
        """Put the record (None: nothing) in its place; what was there."""
        known = self._records.get(uid)
        if known is None or (not isinstance(known, dict) and known.node == node):
            if new is not None:
                self._records[uid] = new
            elif known is not None:
                del self._records[uid]
            return known
        by_node = known if isinstance(known, dict) else {known.node: known}
        old = by_node.pop(node, None)
        if new is not None:
            by_node[node] = new
        self._records[uid] = by_node if len(by_node) > 1 else next(iter(by_node.values()))
        return old
