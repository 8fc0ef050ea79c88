"""What a key-value store with revisions remembers: every version of every key, and the log of changes.

Plain data without locks, clocks or leases: MemoryStore adds those. The rules are those of etcd's mvcc package: one
revision for all the changes of one transaction, none for a transaction that changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from taskyard.store.api import Compacted, Delete, Entry, KeyEvent, Operation, Put, RequestRefused


class History:
    """Starts at revision 1, as an empty etcd does."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self.current: dict[str, Entry] = {}
        self._keys: list[str] = []
        self._versions: dict[str, list[tuple[int, Entry | None]]] = {}
        self._outdated: set[str] = set()
        """Keys with more than one version, and those that are gone: what a compaction may take from."""
        self._log: list[tuple[KeyEvent, ...]] = []
        self._log_start = 2
        """The revision of the first element of the log, which has one element for each revision since."""

    @classmethod
    def of(cls, entries: Iterable[Entry], revision: int) -> History:
        """These entries as of `revision`; nothing is known of what was before."""
        made = cls()
        made.current = {entry.key: entry for entry in entries}
        made._keys = sorted(made.current)
        made._versions = {key: [(entry.mod_revision, entry)] for key, entry in made.current.items()}
        made.revision = made.compacted = revision
        made._log_start = revision + 1
        return made

    def apply(self, operations: Sequence[Operation]) -> tuple[KeyEvent, ...]:
        """Carries out all of them at the next revision. Deleting what is not there changes nothing."""
        revision = self.revision + 1
        events: list[KeyEvent] = []
        for operation in operations:
            old = self.current.get(operation.key)
            if isinstance(operation, Delete) and old is None:
                continue
            entry = _successor(operation, old, revision) if isinstance(operation, Put) else None
            self._remember(operation.key, entry, revision)
            events.append(KeyEvent(operation.key, entry, revision))
        if events:
            self.revision = revision
            self._log.append(tuple(events))
        return tuple(events)

    def _remember(self, key: str, entry: Entry | None, revision: int) -> None:
        if entry is None:
            del self.current[key]
        else:
            self.current[key] = entry
        versions = self._versions.get(key)
        if versions is None:
            self._versions[key] = [(revision, entry)]
            insort(self._keys, key)
        else:
            versions.append((revision, entry))
            self._outdated.add(key)

    def at(self, prefix: str, revision: int) -> list[Entry]:
        """Entries under `prefix` as of `revision`, in key order. Raises Compacted, or RequestRefused for the future."""
        self.check_readable(revision)
        if revision == self.revision:
            return [entry for key in self._keys_under(prefix) if (entry := self.current.get(key)) is not None]
        return [entry for key in self._keys_under(prefix) if (entry := self._version(key, revision)) is not None]

    def get(self, key: str, revision: int) -> Entry | None:
        """As `at`, of one key."""
        self.check_readable(revision)
        return self._version(key, revision) if key in self._versions else None

    def check_readable(self, revision: int) -> None:
        if revision < self.compacted:
            raise Compacted(self.compacted)
        if revision > self.revision:
            raise RequestRefused(f"revision {revision} is in the future: the store is at {self.revision}")

    def _keys_under(self, prefix: str) -> Iterator[str]:
        for index in range(bisect_left(self._keys, prefix), len(self._keys)):
            if not self._keys[index].startswith(prefix):
                return
            yield self._keys[index]

    def _version(self, key: str, revision: int) -> Entry | None:
        versions = self._versions[key]
        index = bisect_right(versions, revision, key=lambda version: version[0])
        return versions[index - 1][1] if index else None

    def since(self, revision: int, prefix: str) -> tuple[KeyEvent, ...]:
        """What changed under `prefix` from `revision` on, that one included."""
        changes = self._log[max(revision, self._log_start) - self._log_start :]
        if not prefix:
            return tuple(chain.from_iterable(changes))
        return tuple([event for change in changes for event in change if event.key.startswith(prefix)])

    def compact(self, revision: int, *, keep_log_from: int) -> None:
        """Forgets the versions that were overwritten up to `revision`; the log goes up to `keep_log_from` at most."""
        self.compacted = revision
        for key in list(self._outdated):
            versions = self._versions[key]
            index = max(bisect_right(versions, revision, key=lambda version: version[0]) - 1, 0)
            if versions[index][0] <= revision and versions[index][1] is None:
                index += 1
            del versions[:index]
            if not versions:
                del self._versions[key]
                del self._keys[bisect_left(self._keys, key)]
            if len(versions) < 2:
                self._outdated.discard(key)
        gone = min(revision, keep_log_from) - self._log_start
        if gone > 0:
            del self._log[:gone]
            self._log_start += gone


def _successor(put: Put, old: Entry | None, revision: int) -> Entry:
    if old is None:
        return Entry(put.key, put.value, revision, revision, 1, put.lease)
    return Entry(put.key, put.value, old.create_revision, revision, old.version + 1, put.lease)
