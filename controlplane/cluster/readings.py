"""What entries were read as, for caches that one thread fills from one store in memory: several planes of a simulation.

They see the very same entries, and records are frozen, so that each entry need be read only once. In a process with one
cache there is nothing to share.
"""

from __future__ import annotations

from controlplane.cluster.known_specs import KnownSpecs
from controlplane.cluster.records import AssignmentRecord, ObjectRecord, StatusRecord, TaskRecord
from taskyard.store.api import Entry

Record = TaskRecord | ObjectRecord | AssignmentRecord | StatusRecord


class Readings:
    def __init__(self) -> None:
        self.specs = KnownSpecs()
        self._last: dict[str, tuple[Entry, Record]] = {}
        """Of each key in the store, the entry that was read last, and as what."""

    def note(self, entry: Entry, record: Record) -> None:
        self._last[entry.key] = entry, record

    def of(self, entry: Entry) -> Record | None:
        """None: it has not been read, or another of its key was read since."""
        found = self._last.get(entry.key)
        return found[1] if found is not None and found[0] is entry else None
