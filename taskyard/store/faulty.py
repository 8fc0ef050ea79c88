"""FaultyStore: a store whose connection can be cut, or lose one request or one answer, at a chosen moment.

It wraps any other store and invents no behaviour: a fault raises what EtcdStore raises for it. For tests and for the
simulator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, TypeVar

from taskyard.store.api import (
    Commit,
    Compare,
    Entry,
    HistoryLost,
    Listing,
    Operation,
    OutcomeUnknown,
    Put,
    Store,
    StoreError,
    StoreFull,
    StoreUnavailable,
    Watch,
    WatchBatch,
)

T = TypeVar("T")

Call = Literal["get", "list", "commit", "watch", "grant", "keep_alive", "revoke", "compact"]
Fault = Literal["unreachable", "request lost", "answer lost", "request late"]
"""`unreachable` is known not to have been sent; the others look alike to the caller, but one happened, and one happens
at `deliver`."""
OneWay = Literal["", "request lost", "answer lost"]
"""A network that is cut in one direction, for all calls: watches that are there go on when it is the requests that get
lost, and are silent when it is the answers."""


class FaultyStore(Store):
    """While `down`, every call fails and no watch delivers; while `full`, nothing can be put. `fail` plans a fault for
    one call to come.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self._planned: dict[Call, deque[Fault]] = {}
        self._late: list[Callable[[], object]] = []
        self.down = False
        self.full = False
        self.cut: OneWay = ""

    def fail(self, call: Call, fault: Fault) -> None:
        """The next such call fails; asked again, the one after it too."""
        self._planned.setdefault(call, deque()).append(fault)

    def replace(self, inner: Store) -> None:
        """From now on it is a store that was wiped, or restored from a backup; what was on its way is lost."""
        self.inner = inner
        self._late.clear()

    def deliver(self) -> None:
        """The requests that were late arrive. Nobody hears what the store says to them."""
        late, self._late = self._late, []
        for action in late:
            with suppress(StoreError):
                action()

    def _do(self, call: Call, action: Callable[[], T]) -> T:
        planned = self._planned.get(call)
        fault: Fault | None = "unreachable" if self.down else self.cut or (planned.popleft() if planned else None)
        if fault is None:
            return action()
        if fault == "answer lost":
            action()
        if fault == "request late":
            self._late.append(action)
        if call == "commit" and fault != "unreachable":
            raise OutcomeUnknown(f"{call}: {fault}")
        raise StoreUnavailable(f"{call}: {fault}")

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        return self._do("get", lambda: self.inner.get(key, revision=revision))

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        return self._do("list", lambda: self.inner.list(prefix, revision=revision))

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        if self.full and any(isinstance(operation, Put) for operation in operations):
            raise StoreFull("commit: full")
        return self._do("commit", lambda: self.inner.commit(compares, operations))

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        return self._do("watch", lambda: _FaultyWatch(self, self.inner.watch(prefix, start_revision=start_revision)))

    def grant(self, ttl: float) -> int:
        if self.full:
            raise StoreFull("grant: full")
        return self._do("grant", lambda: self.inner.grant(ttl))

    def keep_alive(self, lease: int) -> float:
        return self._do("keep_alive", lambda: self.inner.keep_alive(lease))

    def revoke(self, lease: int) -> None:
        self._do("revoke", lambda: self.inner.revoke(lease))

    def compact(self, revision: int) -> None:
        self._do("compact", lambda: self.inner.compact(revision))

    def close(self) -> None:
        self.inner.close()


class _FaultyWatch(Watch):
    def __init__(self, store: FaultyStore, inner: Watch) -> None:
        self._store = store
        self._of = store.inner
        self._inner = inner

    def poll(self, timeout: float) -> WatchBatch | None:
        if self._store.down or self._store.cut == "answer lost":
            return None
        if self._of is not self._store.inner:
            raise HistoryLost(0)
        return self._inner.poll(timeout)

    def close(self) -> None:
        self._inner.close()
