"""Services, jobs and crons whose own record nobody can read: they are held until somebody has put that right."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.cluster import ClusterCache
from controlplane.leading.means import Means
from taskyard.keys import NamedKey
from taskyard.objects import ObjectRef


class Held:
    """Warns of each once. Used under the cache's lock."""

    def __init__(self, means: Means, kind: str, why: Callable[[ClusterCache, NamedKey], str]) -> None:
        """`why`: what holds one, and what to do; empty: nothing does."""
        self._cache, self._events = means.cache, means.events
        self._kind = kind
        self._why = why
        self._told: dict[NamedKey, str] = {}

    def clear(self) -> None:
        self._told.clear()

    def forget(self, key: NamedKey) -> None:
        self._told.pop(key, None)

    def holds(self, key: NamedKey, uid: str) -> bool:
        why = self._why(self._cache, key)
        if not why:
            self.forget(key)
            return False
        if self._told.get(key) != why:
            self._told[key] = why
            about = ObjectRef(kind=self._kind, name=key.name, uid=uid)
            self._events.emit(about, key.namespace, "RecordUnreadable", why, warning=True)
        return True
