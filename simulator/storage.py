"""The store under the whole cluster, and its own life: leases end, history is compacted, backups are made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from taskyard.clock import Clock
from taskyard.store.api import Compacted, KeyEvent
from taskyard.store.memory import Backup, MemoryStore

COMPACT_EVERY = 60.0
_BACKUP_EVERY = 7.0
_BACKUPS = 5


@dataclass(frozen=True, slots=True)
class Made:
    at: float
    """On the monotonic clock."""
    backup: Backup


class Storage:
    def __init__(self, clock: Clock, seen: Callable[[tuple[KeyEvent, ...], str], None]) -> None:
        """`seen` is told of each change, in order, and of who made it."""
        self._clock = clock
        self._seen = seen
        self.store = MemoryStore(clock)
        self._watch = self.store.watch("", start_revision=1)
        self._told = 0
        """The revision up to which `seen` was told."""
        self.restores = 0
        self.backups: deque[Made] = deque(maxlen=_BACKUPS)

    @property
    def revision(self) -> int:
        return self.store.revision

    def wrote(self, who: str) -> None:
        """What has changed since this was last called is `who`'s doing."""
        if self.store.revision == self._told:
            return
        self._told = self.store.revision
        batch = self._watch.poll(0.0)
        if batch is not None and batch.events:
            self._seen(batch.events, who)

    def end_leases(self) -> None:
        """Those whose time is up."""
        self.store.expire()
        self.wrote("lease")

    def expire(self) -> float:
        """Seconds until it is to be called again."""
        self.end_leases()
        return min(max(self.store.next_expiry() - self._clock.monotonic(), 0.001), 1.0)

    def compact(self) -> None:
        try:
            self.store.compact(self.revision)
        except Compacted:
            return

    def keep_compacting(self) -> float:
        self.compact()
        return COMPACT_EVERY

    @property
    def oldest(self) -> int:
        """The first revision that can still be read."""
        try:
            self.store.get("", revision=1)
        except Compacted as gone:
            return gone.revision
        return 1

    def disconnect(self, *, compact: bool) -> None:
        self.wrote("lease")
        self.store.disconnect()
        if compact:
            self.compact()

    def back_up(self) -> float:
        self.backups.append(Made(self._clock.monotonic(), self.store.backup()))
        return _BACKUP_EVERY

    def restore(self, backup: Backup) -> None:
        """Nobody is told: whoever follows finds out by itself."""
        self.wrote("lease")
        self.restores += 1
        self.store = self.store.restored(backup)
        self._watch = self.store.watch("", start_revision=backup.revision + 1)
        self._told = backup.revision
