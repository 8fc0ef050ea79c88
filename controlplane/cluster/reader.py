"""From entries to records, by the shortest way that gives the same: what this process wrote itself is known, and what
the first list brings is read part by part, while the next part is on its way.

The rest, and all that is wrong, is read by `reading`. One thread's; what only reads ahead changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from controlplane.cluster import reading
from controlplane.cluster.known_specs import KnownSpecs
from controlplane.cluster.own_writes import OwnWrites
from controlplane.cluster.readings import Readings, Record
from controlplane.cluster.records import AssignmentRecord, ObjectRecord, StatusRecord, TaskRecord
from taskyard import keys
from taskyard.keys import NamedKey, NodeKey, ObjectKey
from taskyard.objects import Assignment, Task
from taskyard.store.api import Entry

_log = logging.getLogger(__name__)

K = TypeVar("K")
R = TypeVar("R")
N = TypeVar("N", bound=Record | None)


class Reader:
    """Each answers with the record (None: there is none) and why there is none although there is a value."""

    def __init__(self, readings: Readings | None = None) -> None:
        """`readings`: shared with other readers of this thread; None: there are none."""
        self.own_writes = OwnWrites()
        self._readings = readings
        self._specs = KnownSpecs() if readings is None else readings.specs
        self._record = partial(reading.read_record, specs=self._specs)
        self._assignment = partial(reading.read_assignment, specs=self._specs)

    def own_task(self, entry: Entry | None, key: NamedKey) -> TaskRecord | None:
        """None: it is not what this process wrote itself, and `record` is to read it."""
        own = self.own_writes.take(entry, Task)
        return None if own is None or entry is None else self._noted(TaskRecord(key, own[0], entry, own[1]))

    def own_assignment(self, entry: Entry | None, node: str) -> AssignmentRecord | None:
        """As `own_task`."""
        own = self.own_writes.take(entry, Assignment)
        return None if own is None or entry is None else self._noted(AssignmentRecord(node, own[0], entry, own[1]))

    def record(self, entry: Entry | None, key: ObjectKey) -> tuple[TaskRecord | ObjectRecord | None, str]:
        known = self._known(entry)
        if isinstance(known, TaskRecord | ObjectRecord):
            return known, ""
        found, reason = attempt(self._record, entry, key)
        return self._noted(found), reason

    def assignment(self, entry: Entry | None, key: NodeKey) -> tuple[AssignmentRecord | None, str]:
        known = self._known(entry)
        if isinstance(known, AssignmentRecord):
            return known, ""
        found, reason = attempt(self._assignment, entry, key)
        return self._noted(found), reason

    def status(self, entry: Entry | None, key: NodeKey) -> tuple[StatusRecord | None, str]:
        known = self._known(entry)
        if isinstance(known, StatusRecord):
            return known, ""
        found, reason = attempt(reading.read_status, entry, key)
        return self._noted(found), reason

    def _known(self, entry: Entry | None) -> Record | None:
        return self._readings.of(entry) if self._readings is not None and entry is not None else None

    def _noted(self, record: N) -> N:
        if self._readings is not None and record is not None:
            self._readings.note(record.entry, record)
        return record

    def read_ahead(self, entries: Sequence[Entry]) -> list[TaskRecord | AssignmentRecord | StatusRecord | None]:
        """What each is, of the kinds of which there are many; None where it is another, or anything is wrong."""
        return [None if entry.key in self.own_writes else self._ahead(entry) for entry in entries]

    def _ahead(self, entry: Entry) -> TaskRecord | AssignmentRecord | StatusRecord | None:
        known = self._known(entry)
        if known is not None:
            return None if isinstance(known, ObjectRecord) else known
        try:
            if entry.key.startswith(keys.NODES):
                node = keys.parse_node(entry.key)
                if node is None or not node.uid:
                    return None
                if node.part == "assignments":
                    return reading.read_assignment(entry, node, self._specs)
                return reading.read_status(entry, node)
            if entry.key.startswith(keys.TASKS) and (key := keys.parse_object(entry.key)) is not None:
                return reading.read_task(entry, key, self._specs)
        except Exception:
            # It is read again in its turn, and said what is wrong.
            return None
        return None


def attempt(read: Callable[[Entry, K], R], entry: Entry | None, key: K) -> tuple[R | None, str]:
    """What `read` makes of the entry, or why it cannot."""
    if entry is None:
        return None, ""
    try:
        return read(entry, key), ""
    except ValueError as error:
        return None, str(error)
    except Exception as error:
        # Whoever wrote the value found a fault in a reader of ours: that one value is lost for it, not the whole batch.
        _log.exception("cannot tell what is wrong with the value at %s", entry.key)
        return None, f"it cannot be read: {type(error).__name__}: {error}"
