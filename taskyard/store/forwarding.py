"""A store that passes everything on to another: the base of those that only change a call or two.

Nothing is decided here. The fenced store of the folder and the store with failpoints stand on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskyard.store.api import Commit, Compare, Entry, Listing, Operation, Store, Watch


class ForwardingStore(Store):
    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        return self.inner.get(key, revision=revision)

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        return self.inner.list(prefix, revision=revision)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        return self.inner.commit(compares, operations)

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return self.inner.watch(prefix, start_revision=start_revision)

    def grant(self, ttl: float) -> int:
        return self.inner.grant(ttl)

    def keep_alive(self, lease: int) -> float:
        return self.inner.keep_alive(lease)

    def revoke(self, lease: int) -> None:
        self.inner.revoke(lease)

    def compact(self, revision: int) -> None:
        self.inner.compact(revision)

    def close(self) -> None:
        self.inner.close()
