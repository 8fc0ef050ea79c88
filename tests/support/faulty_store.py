"""A store whose next commits fail in a chosen way: what a cut connection to etcd looks like to its caller.

Everything else goes to the store underneath. Used by tests of whoever writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from taskyard.store.api import (
    Commit,
    Compare,
    Entry,
    Listing,
    Operation,
    OutcomeUnknown,
    Store,
    StoreUnavailable,
    Watch,
)

Fault = Literal["lost before", "lost after", "away"]
"""Unanswered and not done; unanswered but done; refused to connect."""


class FaultyStore(Store):
    """`faults` are used up by commits, one each. `before_commit` runs between a caller's reading and its writing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.faults: list[Fault] = []
        self.before_commit: list[Callable[[], object]] = []
        self.commits = 0
        self.away = False

    def get(self, key: str) -> Entry | None:
        self._check()
        return self._store.get(key)

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        self._check()
        return self._store.list(prefix, revision=revision)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        self._check()
        self.commits += 1
        if self.before_commit:
            self.before_commit.pop(0)()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            self.away = True
            raise StoreUnavailable("nobody answers")
        if fault == "lost before":
            raise OutcomeUnknown("the connection broke")
        commit = self._store.commit(compares, operations)
        if fault == "lost after":
            raise OutcomeUnknown("the connection broke")
        return commit

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return self._store.watch(prefix, start_revision=start_revision)

    def grant(self, ttl: float) -> int:
        self._check()
        return self._store.grant(ttl)

    def keep_alive(self, lease: int) -> float:
        self._check()
        return self._store.keep_alive(lease)

    def revoke(self, lease: int) -> None:
        self._check()
        self._store.revoke(lease)

    def compact(self, revision: int) -> None:
        self._check()
        self._store.compact(revision)

    def close(self) -> None:
        self._store.close()

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("nobody answers")
