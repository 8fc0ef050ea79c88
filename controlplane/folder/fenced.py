"""A store whose commits only go through while this process leads: for writers that know nothing of leadership."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskyard.store.api import Commit, Compare, Entry, Listing, Operation, Store, Watch
from taskyard.store.elector import NotLeader


class FencedStore:
    """Passes everything on, and adds `fence()` to what each commit compares. Commits raise NotLeader."""

    def __init__(self, store: Store, fence: Callable[[], Compare]) -> None:
        self._store = store
        self._fence = fence

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        fence = self._fence()
        answer = self._store.commit([fence, *compares], operations)
        if not answer.succeeded:
            leader = answer.current.get(fence.key)
            if leader is None or leader.create_revision != fence.revision:
                raise NotLeader(f"another leads {fence.key} now; nothing was written")
        return answer

    def get(self, key: str) -> Entry | None:
        return self._store.get(key)

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        return self._store.list(prefix, revision=revision)

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return self._store.watch(prefix, start_revision=start_revision)

    def grant(self, ttl: float) -> int:
        return self._store.grant(ttl)

    def keep_alive(self, lease: int) -> float:
        return self._store.keep_alive(lease)

    def revoke(self, lease: int) -> None:
        self._store.revoke(lease)

    def compact(self, revision: int) -> None:
        self._store.compact(revision)

    def close(self) -> None:
        """Nothing: the store is its owner's."""
