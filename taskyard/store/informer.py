"""Informer: a local copy of everything under a prefix, kept current by a watch, and who wants to know of changes.

List at revision R, watch from R+1, list again and report the differences when the watch was compacted away, and every
few minutes in any case. It knows nothing of what the values mean; ClusterCache and the agent's loop read it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from types import MappingProxyType

import msgspec

from taskyard.clock import Clock
from taskyard.store.api import Compacted, Entry, HistoryLost, KeyEvent, Listing, Store, StoreError, Watch, WatchBatch
from taskyard.store.condition import Condition
from taskyard.store.subscribers import tell_all

_log = logging.getLogger(__name__)

_RETRY_INITIAL = 0.1
_RETRY_MAX = 1.0
_POLL = 1.0
"""Seconds that `run` waits in one poll, and so the longest it takes to notice that it has to stop."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """What became of one key. `revision` is when; for a deletion that only a list showed, it is the list's.

    Old and new may be two lives of the key: then their create revisions differ.
    """

    key: str
    old: Entry | None
    new: Entry | None
    revision: int
    read: object = None
    """What was made of `new` ahead of its being told, if that was."""


class Informer:
    """One thread pumps; any may read. A reader that wants one consistent snapshot holds `lock` meanwhile."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        clock: Clock,
        *,
        relist_every: float = 300.0,
        loading: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """The first list is taken in within `loading`."""
        self._store = store
        self._loading = loading
        self._prefix = prefix
        self._clock = clock
        self._relist_every = relist_every
        self._relist_at = 0.0
        self._watch: Watch | None = None
        self._callbacks: list[Callable[[Sequence[Change]], None]] = []
        self._reader: Callable[[Sequence[Entry]], Sequence[object]] | None = None
        self._entries: dict[str, Entry] = {}
        self._listed = 0
        """The revision of the last list: no event up to it can be news."""
        self._deleted: dict[str, int] = {}
        """When a key that is not there was deleted since that list, lest an older put, told late, brings it back."""
        self.lock = threading.RLock()
        self._advanced = Condition(self.lock)
        self.entries: Mapping[str, Entry] = MappingProxyType(self._entries)
        self.revision = 0
        """Everything up to here is in the cache."""
        self.restores = 0
        """How often the store was found with another history, or at an earlier revision than before: it was restored
        from a backup, or lost its data. What was known of its revisions until then says nothing any more."""
        self.restored_at = 0
        """The revision of the list that showed it the last time: a deletion at it is a loss, not anybody's doing."""
        self._history_lost = False
        """A watch has said so, and no list has succeeded since."""
        self.synced = False
        """There was a first list. It stays true when the store goes away: an old copy beats none."""

    def subscribe(self, callback: Callable[[Sequence[Change]], None]) -> None:
        """It is called in the pumping thread, under the lock, after the cache was updated, once per batch."""
        self._callbacks.append(callback)

    def read_ahead(self, reader: Callable[[Sequence[Entry]], Sequence[object]]) -> None:
        """It is handed what the first list brings, part by part while the next is on its way, without the lock. What it
        makes of each entry (None: nothing) comes back with the change; none of it counts until subscribers are told."""
        self._reader = reader

    def under(self, prefix: str) -> list[Entry]:
        """In key order. It looks at every key: that is rarely asked, and an order kept up to date would cost each event
        more than all else."""
        with self.lock:
            return [self._entries[key] for key in sorted(key for key in self._entries if key.startswith(prefix))]

    def wait_for(self, revision: int, timeout: float) -> bool:
        """True once the cache has reached it. For other threads than the pumping one."""
        with self._advanced:
            return self._advanced.wait_for(lambda: self.revision >= revision, timeout)

    def sync(self) -> None:
        """Lists, reports what differs from the cache, and watches anew. Raises StoreUnavailable, and is due again."""
        with nullcontext() if self.synced else self._loading():
            self._sync()

    def _sync(self) -> None:
        # Set first: when the safety net's list times out, the watch must still get its turn before the next try.
        self._relist_at = self._clock.monotonic() + min(self._relist_every, 30.0)
        listing, read = (self._store.list(self._prefix), []) if self.synced else self._first_list()
        watch = self._store.watch(self._prefix, start_revision=listing.revision + 1)
        self.close()
        self._watch = watch
        self._relist_at = self._clock.monotonic() + self._relist_every
        with self.lock:
            changes = self._differences(listing, read)
            # In place: who reads a single key without the lock must not find the cache empty.
            self._entries.update((change.key, change.new) for change in changes if change.new is not None)
            for change in changes:
                if change.new is None:
                    del self._entries[change.key]
            self._deleted.clear()
            self._listed = listing.revision
            if listing.revision < self.revision or self._history_lost:
                _log.warning("%s went from revision %d to %d", self._prefix, self.revision, listing.revision)
                self.restores, self.restored_at = self.restores + 1, listing.revision
                self._history_lost = False
            # What it has now is the truth, also where that is less.
            self.revision = listing.revision
            self.synced = True
            self._tell(changes)

    def _first_list(self) -> tuple[Listing, Sequence[object]]:
        """And what was read ahead: of each entry, or nothing at all."""
        entries: list[Entry] = []
        read: list[object] = []
        revision = 0
        try:
            for page in self._store.pages(self._prefix):
                entries += page.entries
                revision = page.revision
                if self._reader is not None:
                    read += self._reader(page.entries)
        except Compacted:
            return self._store.list(self._prefix), []
        return Listing(tuple(entries), revision), read

    def _differences(self, listing: Listing, read: Sequence[object]) -> list[Change]:
        """In the order in which they were written; the first list in that of its keys."""
        if not self.synced:
            # Nobody saw any of it otherwise. To go through as many in another order than they were made in takes the
            # processor half as long again, since none is near the one before it.
            made: Iterable[object] = read or repeat(None)
            return [Change(e.key, None, e, e.mod_revision, m) for e, m in zip(listing.entries, made, strict=False)]
        listed = {entry.key for entry in listing.entries}
        changes = [
            Change(entry.key, old, entry, entry.mod_revision)
            for entry in listing.entries
            if (old := self._entries.get(entry.key)) != entry
        ]
        changes += [Change(key, old, None, listing.revision) for key, old in self._entries.items() if key not in listed]
        return sorted(changes, key=lambda change: change.revision)

    def pump(self, timeout: float) -> bool:
        """One list or one batch; waits up to `timeout` seconds for a batch. True when something arrived.

        Raises StoreUnavailable: back off and call again. An exception of a callback comes out after all were called.
        """
        if self._watch is None or self._clock.monotonic() >= self._relist_at:
            self.sync()
            return True
        try:
            batch = self._watch.poll(timeout)
        except Compacted as gap:
            _log.info("the watch of %s fell behind (%s): listing again", self._prefix, gap)
            self._history_lost = self._history_lost or isinstance(gap, HistoryLost)
            self.close()
            self.sync()
            return True
        if batch is None:
            return False
        self._apply(batch)
        return True

    def _apply(self, batch: WatchBatch) -> None:
        with self.lock:
            changes = [change for event in batch.events if (change := self._apply_event(event)) is not None]
            self.revision = max(self.revision, batch.revision)
            self._tell(changes)

    def _apply_event(self, event: KeyEvent) -> Change | None:
        """None when the cache knows as much or more: events may come twice, late, or in disorder."""
        old = self._entries.get(event.key)
        known = old.mod_revision if old else self._deleted.get(event.key, 0)
        if event.revision <= max(known, self._listed):
            return None
        if event.entry is not None:
            self._entries[event.key] = event.entry
            return Change(event.key, old, event.entry, event.revision)
        self._deleted[event.key] = event.revision
        if old is None:
            return None
        del self._entries[event.key]
        return Change(event.key, old, None, event.revision)

    def _tell(self, changes: Sequence[Change]) -> None:
        self._advanced.notify_all()
        tell_all(self._callbacks, changes)

    def close(self) -> None:
        """Ends the watch. The cache stays; a later pump lists and watches anew."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def run(self, stop: threading.Event) -> None:
        """Pumps until `stop` is set; whatever fails is logged and tried again, ever more slowly up to 1 s."""
        pause = _RETRY_INITIAL
        while not stop.is_set():
            try:
                self.pump(_POLL)
            except StoreError as error:
                _log.warning("cannot follow %s: %s; trying again in %g s", self._prefix, error, pause)
            except Exception:
                _log.exception("a subscriber to %s failed; going on", self._prefix)
            else:
                pause = _RETRY_INITIAL
                continue
            stop.wait(pause)
            pause = min(pause * 2, _RETRY_MAX)
        self.close()
