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
from controlplane.cluster.records import AssignmentRecord, ObjectRecord, StatusRecord, TaskRecord
from taskyard import keys
from taskyard.keys import NamedKey, NodeKey, ObjectKey
from taskyard.objects import Assignment, Task
from taskyard.store.api import Entry

_log = logging.getLogger(__name__)

K = TypeVar("K")
R = TypeVar("R")


class Reader:
    """Each answers with the record (None: there is none) and why there is none although there is a value."""

    def __init__(self) -> None:
        self.own_writes = OwnWrites()
        self._specs = KnownSpecs()
        self._record = partial(reading.read_record, specs=self._specs)
        self._assignment = partial(reading.read_assignment, specs=self._specs)

    def record(self, entry: Entry | None, key: ObjectKey) -> tuple[TaskRecord | ObjectRecord | None, str]:
        own = self.own_writes.take(entry, Task)
        if own is not None and entry is not None:
            return TaskRecord(NamedKey(key.namespace, key.name), own[0], entry, own[1]), ""
        return attempt(self._record, entry, key)

    def assignment(self, entry: Entry | None, key: NodeKey) -> tuple[AssignmentRecord | None, str]:
        own = self.own_writes.take(entry, Assignment)
        if own is not None and entry is not None:
            return AssignmentRecord(key.node, own[0], entry, own[1]), ""
        return attempt(self._assignment, entry, key)

    def read_ahead(self, entries: Sequence[Entry]) -> list[TaskRecord | AssignmentRecord | StatusRecord | None]:
        """What each is, of the kinds of which there are many; None where it is another, or anything is wrong."""
        return [None if entry.key in self.own_writes else self._ahead(entry) for entry in entries]

    def _ahead(self, entry: Entry) -> TaskRecord | AssignmentRecord | StatusRecord | None:
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
