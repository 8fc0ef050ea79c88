"""MemoryStore: the Store protocol without a server, for tests and for the simulator.

Revisions, history, transactions, leases, compaction and watches behave as etcd's do (the contract suite runs over
both); leases live on the injected clock. Only `disconnect` is its own: it is how a test breaks a connection.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

from taskyard.clock import Clock
from taskyard.store.api import (
    MAX_OPERATIONS,
    Commit,
    Compacted,
    Compare,
    Delete,
    Entry,
    LeaseExpired,
    Listing,
    Operation,
    Put,
    RequestRefused,
    Store,
    Watch,
    WatchBatch,
)
from taskyard.store.condition import Condition
from taskyard.store.history import History

MAX_REQUEST_BYTES = 1_572_864
"""etcd's default for --max-request-bytes."""


@dataclass(slots=True)
class _Lease:
    ttl: int
    expires: float
    """On the monotonic clock."""
    keys: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Backup:
    """All that a store held at one revision. As in a snapshot of etcd, leases are part of it."""

    entries: tuple[Entry, ...] = ()
    revision: int = 1
    leases: Mapping[int, int] = field(default_factory=dict)
    """Their seconds to live, by id."""


class MemoryStore(Store):
    """Safe for use by many threads; everything happens under one lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._history = History()
        self._leases: dict[int, _Lease] = {}
        self._next_lease = 1
        self._earliest_expiry = math.inf
        """No lease ends before this; renewals leave it behind, which only costs one look in vain."""
        self._watches: WeakSet[_MemoryWatch] = WeakSet()
        self._lock = threading.RLock()
        self._changed = Condition(self._lock)

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        with self._lock:
            self.expire()
            return self._history.get(key, revision) if revision else self._history.current.get(key)

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        with self._lock:
            self.expire()
            at = revision or self._history.revision
            return Listing(tuple(self._history.at(prefix, at)), at)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        _check_request(compares, operations)
        with self._lock:
            self.expire()
            current = {compare.key: self._history.current.get(compare.key) for compare in compares}
            if not all(_holds(compare, current[compare.key]) for compare in compares):
                return Commit(False, self._history.revision, current)
            for operation in operations:
                if isinstance(operation, Put) and operation.lease and operation.lease not in self._leases:
                    raise LeaseExpired(f"{operation.key} was to be put under lease {operation.lease:x}, which is gone")
            self._write(operations)
            return Commit(True, self._history.revision, {})

    def _write(self, operations: Sequence[Operation]) -> None:
        current = self._history.current
        leased = {op.key: old.lease for op in operations if (old := current.get(op.key)) is not None and old.lease}
        events = self._history.apply(operations)
        for event in events:
            before, after = leased.get(event.key, 0), event.entry.lease if event.entry is not None else 0
            if before != after:
                self._move_to_lease(event.key, before, after)
        if events:
            self._changed.notify_all()

    def _move_to_lease(self, key: str, before: int, after: int) -> None:
        if before in self._leases:
            self._leases[before].keys.discard(key)
        if after:
            self._leases[after].keys.add(key)

    def watch(self, prefix: str, *, start_revision: int) -> Watch:
        with self._lock:
            self.expire()
            watch = _MemoryWatch(self, prefix, start_revision or self._history.revision + 1)
            watch.connected = watch.next >= self._history.compacted
            self._watches.add(watch)
            return watch

    def grant(self, ttl: float) -> int:
        with self._lock:
            whole = max(math.ceil(ttl), 1)
            lease = self._next_lease
            self._next_lease += 1
            self._leases[lease] = _Lease(whole, self._clock.monotonic() + whole)
            self._earliest_expiry = min(self._earliest_expiry, self._leases[lease].expires)
            return lease

    def keep_alive(self, lease: int) -> float:
        with self._lock:
            self.expire()
            held = self._leases.get(lease)
            if held is None:
                raise LeaseExpired(f"lease {lease:x} is gone")
            held.expires = self._clock.monotonic() + held.ttl
            return float(held.ttl)

    def revoke(self, lease: int) -> None:
        with self._lock:
            self.expire()
            self._end_lease(lease)

    def _end_lease(self, lease: int) -> None:
        held = self._leases.pop(lease, None)
        if held is not None:
            self._write([Delete(key) for key in sorted(held.keys)])

    def expire(self) -> None:
        """Ends the leases whose time is up. Every call does it; a test may, to let watches see it."""
        now = self._clock.monotonic()
        if now < self._earliest_expiry:
            return
        with self._lock:
            due = sorted((held.expires, lease) for lease, held in self._leases.items() if held.expires <= now)
            for _, lease in due:
                self._end_lease(lease)
            self._earliest_expiry = min((held.expires for held in self._leases.values()), default=math.inf)

    @property
    def revision(self) -> int:
        """Of the last change. For a simulation."""
        return self._history.revision

    def next_expiry(self) -> float:
        """On the monotonic clock: no lease ends before it; infinite without any. For a simulation."""
        return self._earliest_expiry

    def compact(self, revision: int) -> None:
        with self._lock:
            self.expire()
            if revision <= self._history.compacted:
                raise Compacted(self._history.compacted)
            self._history.check_readable(revision)
            pinned = min((watch.next for watch in self._watches if watch.connected), default=revision)
            self._history.compact(revision, keep_log_from=pinned)

    def disconnect(self) -> None:
        """Breaks every watch's connection: each resumes where it was, or is Compacted when that is gone by then."""
        with self._lock:
            for watch in self._watches:
                watch.connected = False

    def backup(self) -> Backup:
        """For `restored`."""
        with self._changed:
            self.expire()
            entries = tuple(self._history.current.values())
            return Backup(entries, self._history.revision, {lease: held.ttl for lease, held in self._leases.items()})

    def restored(self, backup: Backup) -> MemoryStore:
        """A store that begins with what the backup has, as etcd does: leases live on for all of their time, and the id
        of a new one is none that was ever given out."""
        made = MemoryStore(self._clock)
        made._history = History.of(backup.entries, backup.revision)
        made._next_lease = self._next_lease
        now = self._clock.monotonic()
        made._leases = {lease: _Lease(ttl, now + ttl) for lease, ttl in backup.leases.items()}
        made._earliest_expiry = min((held.expires for held in made._leases.values()), default=math.inf)
        for entry in backup.entries:
            if entry.lease:
                made._leases[entry.lease].keys.add(entry.key)
        return made

    def close(self) -> None:
        for watch in list(self._watches):
            watch.close()

    def poll(self, watch: _MemoryWatch, timeout: float) -> WatchBatch | None:
        """For the watches of this store; a lease that ends meanwhile is an event like any other."""
        with self._lock:
            remaining = timeout
            while True:
                self.expire()
                batch = self._take(watch)
                if batch is not None or watch.closed or remaining <= 0:
                    return batch
                pause = max(min(remaining, self._earliest_expiry - self._clock.monotonic()), 0.001)
                if not self._changed.wait(pause):
                    remaining -= pause

    def _take(self, watch: _MemoryWatch) -> WatchBatch | None:
        if watch.closed:
            return None
        if not watch.connected and watch.next < self._history.compacted:
            raise Compacted(self._history.compacted)
        watch.connected = True
        if watch.next > self._history.revision:
            return None
        events = self._history.since(watch.next, watch.prefix)
        watch.next = self._history.revision + 1
        return WatchBatch(events, self._history.revision)

    def drop(self, watch: _MemoryWatch) -> None:
        with self._lock:
            watch.closed = True
            self._watches.discard(watch)
            self._changed.notify_all()


class _MemoryWatch(Watch):
    def __init__(self, store: MemoryStore, prefix: str, start_revision: int) -> None:
        self._store = store
        self.prefix = prefix
        self.next = start_revision
        self.connected = False
        """Connected, it is owed every event from `next` on, compacted or not: a server would have sent them by now."""
        self.closed = False

    def poll(self, timeout: float) -> WatchBatch | None:
        return self._store.poll(self, timeout)

    def close(self) -> None:
        self._store.drop(self)


def _holds(compare: Compare, entry: Entry | None) -> bool:
    if entry is None:
        return compare.revision == 0
    return compare.revision == (entry.mod_revision if compare.target == "mod" else entry.create_revision)


def _check_request(compares: Sequence[Compare], operations: Sequence[Operation]) -> None:
    if len(compares) > MAX_OPERATIONS or len(operations) > MAX_OPERATIONS:
        raise RequestRefused(
            f"too many operations: {len(compares)} compares and {len(operations)} writes in one commit, "
            f"where at most {MAX_OPERATIONS} of each fit; split it"
        )
    keys = [operation.key for operation in operations]
    if not all(keys):
        raise RequestRefused("a key is empty")
    if len(keys) > 1 and len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise RequestRefused(f"written twice in one commit: {', '.join(twice)}")
    size = sum(map(len, keys)) + sum([len(op.value) for op in operations if isinstance(op, Put)])
    if size > MAX_REQUEST_BYTES:
        raise RequestRefused(f"the commit has {size} bytes, where at most {MAX_REQUEST_BYTES} fit")
