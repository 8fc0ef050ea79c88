"""A store whose commits only go through while this process leads: for writers that know nothing of leadership."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskyard.store.api import Commit, Compare, Operation, Store
from taskyard.store.elector import NotLeader
from taskyard.store.forwarding import ForwardingStore


class FencedStore(ForwardingStore):
    """Passes everything on, and adds `fence()` to what each commit compares. Commits raise NotLeader."""

    def __init__(self, store: Store, fence: Callable[[], Compare]) -> None:
        super().__init__(store)
        self._fence = fence

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        fence = self._fence()
        answer = self.inner.commit([fence, *compares], operations)
        if not answer.succeeded:
            leader = answer.current.get(fence.key)
            if leader is None or leader.create_revision != fence.revision:
                raise NotLeader(f"another leads {fence.key} now; nothing was written")
        return answer

    def close(self) -> None:
        """Nothing: the store is its owner's."""
