"""A store as it was at one revision: for looking at what was, with the same readers as for what is.

It can be listed, and watched for what came after. Nothing can be written through it.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskyard.store.api import Commit, Compare, Entry, Listing, Operation, RequestRefused, Store
from taskyard.store.forwarding import ForwardingStore


class PastStore(ForwardingStore):
    """`leave_out`: prefixes that whoever reads it does without. Reads raise Compacted when that revision is gone."""

    def __init__(self, inner: Store, revision: int, *, leave_out: tuple[str, ...] = ()) -> None:
        super().__init__(inner)
        self._revision = revision
        self._leave_out = leave_out

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        left_out = key.startswith(self._leave_out or "\0")
        return None if left_out else self.inner.get(key, revision=revision or self._revision)

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        listing = self.inner.list(prefix, revision=revision or self._revision)
        entries = tuple(e for e in listing.entries if not e.key.startswith(self._leave_out or "\0"))
        return Listing(entries, self._revision)

    def commit(self, _compares: Sequence[Compare], _operations: Sequence[Operation]) -> Commit:
        raise RequestRefused(f"this is the store as it was at revision {self._revision}: nothing can be written there")
