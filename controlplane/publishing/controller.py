"""The publisher's loop: which services changed, what etcd holds of them for others to read, and the commits to make.

What it writes is outside Taskyard's own keys and no informer follows it: it is listed when a term begins and at each
sweep, so what somebody else changed or removed there is right again within a minute.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from controlplane.cluster import CacheChange
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.publishing.records import Formats, owner_of, records
from controlplane.services.endpoints import endpoints_of
from controlplane.services.gather import services_touched
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Service
from taskyard.store.api import Compare, Delete, Entry, Put, unchanged_since

_log = logging.getLogger(__name__)

_NOBODY = NamedKey("", "")
"""Owns what is in our place and not of our making."""


class Publisher(LeaderLoop[NamedKey]):
    """Keys are services. Run it in one thread, or step it."""

    def __init__(self, means: Means, formats: Formats) -> None:
        super().__init__(means)
        self._formats = formats
        self._there: dict[NamedKey, dict[str, Entry]] = {}
        """By service, what etcd holds."""
        self._listed = False

    def begin_term(self) -> None:
        self._there, self._listed = {}, False

    def everything(self) -> Sequence[NamedKey]:
        self._listed = False
        known = [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == "Service"]
        # Also without any service there may be something left of one.
        return [*known, *self._there, _NOBODY]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        return [key for change in changes for key in services_touched(self.cache, change)]

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        found = self._list_if_due()
        proposals: list[Proposal[NamedKey]] = []
        with self.cache.lock:
            for key in dict.fromkeys([*batch, *found]):
                proposals += self._changes(key)
        failed = carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda key: key,
            what=lambda key: f"write what is published of {ObjectKey('Service', *key).label}",
            committed=self._note,
        )
        if failed:
            self._listed = False
        return False

    def _list_if_due(self) -> list[NamedKey]:
        """Reads what is there once for each sweep; the services of which there is anything then."""
        if self._listed:
            return []
        there: dict[NamedKey, dict[str, Entry]] = {}
        for prefix in self._formats.prefixes:
            for entry in self.store.list(prefix).entries:
                owner = owner_of(self._formats, entry.key) or _NOBODY
                there.setdefault(owner, {})[entry.key] = entry
        self._there, self._listed = there, True
        return list(there)

    def _changes(self, key: NamedKey) -> list[Proposal[NamedKey]]:
        """One for each key in etcd: a server that is added need not wait for one that is odd."""
        record = self.cache.objects.get(ObjectKey("Service", *key))
        value = record.value if record is not None else None
        wanted = {}
        if isinstance(value, Service) and not value.metadata.deletion_timestamp:
            wanted = records(self._formats, value, endpoints_of(self.cache, value))
        there = self._there.get(key, {})
        changed = [(path, new) for path, new in wanted.items() if path not in there or there[path].value != new]
        made = [Proposal(key, (self._as_seen(key, path),), (Put(path, new),)) for path, new in changed]
        return made + [
            Proposal(key, (self._as_seen(key, path),), (Delete(path),)) for path in there if path not in wanted
        ]

    def _as_seen(self, key: NamedKey, path: str) -> Compare:
        entry = self._there.get(key, {}).get(path)
        return unchanged_since(path, entry.mod_revision if entry is not None else 0)

    def _note(self, proposal: Proposal[NamedKey], revision: int) -> None:
        there = self._there.setdefault(proposal.subject, {})
        for operation in proposal.operations:
            if isinstance(operation, Put):
                there[operation.key] = Entry(operation.key, operation.value, revision, revision)
            else:
                there.pop(operation.key, None)
        if not there:
            del self._there[proposal.subject]
