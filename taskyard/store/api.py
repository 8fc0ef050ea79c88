"""The Store protocol: what etcd gives us, in our own types. No I/O lives here.

`EtcdStore` and `MemoryStore` implement it and pass one contract suite (tests/contract). Everything else in the project
speaks to this and never sees gRPC. What is made for each key, event or write is a `msgspec.Struct`, which costs a sixth
of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, Protocol

import msgspec

MAX_OPERATIONS = 128
"""Operations that etcd takes in one transaction by default (compares, successes and failures are counted apart)."""
MAX_COMMIT_BYTES = 1_000_000
"""Of keys and values in one transaction; etcd refuses requests of more than 1.5 MiB."""


class StoreError(Exception):
    """Anything that a store raises."""


class StoreUnavailable(StoreError):
    """No endpoint answered in time. A read may be repeated."""


class OutcomeUnknown(StoreUnavailable):
    """A write was sent and no answer came: it may or may not have happened. Read again, never assume."""


class StoreFull(StoreUnavailable):
    """The store takes no writes until an administrator has made room; nothing was changed. It can still be read."""


class Compacted(StoreError):
    """The revision asked for is gone; `revision` is the oldest that a watch can start after. List again."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"history up to revision {revision} was compacted")
        self.revision = revision


class HistoryLost(Compacted):
    """The store is not the one that it was: it was wiped, or restored from a backup, and has another history now."""


class LeaseExpired(StoreError):
    """The lease is not there any more, and neither are its keys."""


class RequestRefused(StoreError):
    """The store understood and said no (too large, permission): repeating it will not help."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One key at one revision. `create_revision` stays over updates; `lease` is 0 when there is none."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    version: int = 1
    lease: int = 0


class Listing(msgspec.Struct, frozen=True, gc=False):
    """Entries in key order, all as of `revision`."""

    entries: tuple[Entry, ...]
    revision: int


class Compare(msgspec.Struct, frozen=True, gc=False):
    """True when the key's `target` revision equals `revision`; 0 stands for a key that is not there."""

    key: str
    target: Literal["mod", "create"]
    revision: int


def unchanged(entry: Entry) -> Compare:
    """Nobody wrote the key since `entry` was read."""
    return Compare(entry.key, "mod", entry.mod_revision)


def unchanged_since(key: str, mod_revision: int) -> Compare:
    """The key's mod revision is still this; 0: it is still not there."""
    return Compare(key, "mod", mod_revision)


def absent(key: str) -> Compare:
    return Compare(key, "create", 0)


def same_life(key: str, create_revision: int) -> Compare:
    """The key was not deleted (nor expired with its lease) since; updates do not matter."""
    return Compare(key, "create", create_revision)


class Put(msgspec.Struct, frozen=True, gc=False):
    key: str
    value: bytes
    lease: int = 0


class Delete(msgspec.Struct, frozen=True, gc=False):
    key: str


Operation = Put | Delete


class Commit(msgspec.Struct, frozen=True):
    """What `Store.commit` says. On failure `current` holds the compared keys as they are now (None: not there)."""

    succeeded: bool
    revision: int
    current: dict[str, Entry | None]


class KeyEvent(msgspec.Struct, frozen=True, gc=False):
    """One change. For a delete `entry` is None; `revision` is when it happened."""

    key: str
    entry: Entry | None
    revision: int


class WatchBatch(msgspec.Struct, frozen=True, gc=False):
    """Events in revision order, never splitting a revision; all up to and including `revision` has been seen.

    No events: a progress notification.
    """

    events: tuple[KeyEvent, ...]
    revision: int


class Watch(Protocol):
    """One stream of changes. It reconnects by itself and resumes where it was; only compaction ends it."""

    def poll(self, timeout: float) -> WatchBatch | None:
        """The next batch, or None when none came within `timeout` seconds. Raises Compacted, or HistoryLost, which is
        one; after that, list again."""
        ...

    def close(self) -> None:
        """Ends it; a poll that waits returns None. Safe to call twice, from any thread."""
        ...


class Store(Protocol):
    """Linearizable unless said otherwise. Every call ends within the store's timeout. Safe for use by many threads."""

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """The key as of `revision`; 0 is now. Raises Compacted for a revision that is gone."""
        ...

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        """All keys that start with `prefix`; `revision` 0 is now. Raises Compacted for a revision that is gone."""
        ...

    def pages(self, prefix: str) -> Iterator[Listing]:
        """What `list` gives, in parts and in the same order, all as of one revision: a store that lists in parts has
        asked for the next one before it hands out this one. Raises Compacted when the rest is gone: begin again."""
        yield self.list(prefix)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        """All operations if all compares hold, else none. A key may be written once in one commit.

        Raises OutcomeUnknown when no answer came, LeaseExpired when a Put names a lease that is gone.
        """
        ...

    def begin_commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Callable[[], Commit]:
        """Sends a commit. What it gives back is to be called once: it waits for the answer, and says or raises what
        `commit` does. Of several that are on their way together any may be carried out first.

        This one is for stores that have their answer at once, and for those that change what `commit` does.
        """
        try:
            done = self.commit(compares, operations)
        except StoreError as error:
            return partial(_raise, error)
        return lambda: done

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        """Changes under `prefix` from `start_revision` on, that one included."""
        ...

    def grant(self, ttl: float) -> int:
        """A new lease that lives `ttl` seconds (whole seconds, rounded up) after its last keep-alive."""
        ...

    def keep_alive(self, lease: int) -> float:
        """Renews; seconds granted from the moment of sending. Raises LeaseExpired, StoreUnavailable."""
        ...

    def revoke(self, lease: int) -> None:
        """Ends the lease and deletes its keys; nothing when it is gone already."""
        ...

    def compact(self, revision: int) -> None: ...

    def close(self) -> None: ...


def _raise(error: StoreError) -> Commit:
    raise error
