"""Tasks that get no node yet: they wait for others, are beyond their namespace's limits, or have a volume whose record
nobody can read; and what may let one go on.

`controlplane.dependencies` and `controlplane.limits` tell which. The scheduler asks about each that it would place.
"""

from __future__ import annotations

from collections.abc import Callable

from controlplane.cluster import CacheChange, ClusterCache, TaskRecord, unread_volumes
from controlplane.cluster.index import OneToMany
from controlplane.cluster.rules import pinned_volumes
from controlplane.dependencies import Unmet, time_left, unmet
from controlplane.limits import held_by_limits
from taskyard.clock import Clock
from taskyard.events import EventRecorder
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import ObjectRef


class HeldBack:
    """Used under the cache's lock."""

    def __init__(
        self,
        cache: ClusterCache,
        clock: Clock,
        events: EventRecorder,
        look_again: Callable[[NamedKey, float], None],
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._events = events
        self._look_again = look_again
        self._waiting: OneToMany[ObjectKey, NamedKey] = OneToMany()
        """What is waited for -> the tasks that wait."""
        self._awaited: dict[NamedKey, set[ObjectKey]] = {}
        """The same the other way round."""
        self._told: dict[NamedKey, str] = {}

    def clear(self) -> None:
        self._waiting = OneToMany()
        self._awaited.clear()
        self._told.clear()

    def forget(self, key: NamedKey) -> None:
        """It is gone, or has to wait for nothing."""
        if key in self._awaited:
            self._wait_for(key, set())
        self._told.pop(key, None)

    def holds(self, record: TaskRecord) -> bool:
        """Something that it waits for is not as it has to be; it comes up again when that may have changed."""
        namespace = record.key.namespace
        if limits := held_by_limits(self._cache, record):
            self._wait_for(record.key, {ObjectKey("Namespace", "default", namespace)})
            self._warn(record, "BeyondLimits", limits)
            return True
        if where := unread_volumes(self._cache, record):
            self._wait_for(record.key, {ObjectKey("Volume", namespace, n) for n in pinned_volumes(record.task.spec)})
            self._warn(record, "RecordUnreadable", where)
            return True
        found = unmet(self._cache, record) if record.task.spec.depends_on else []
        if not found:
            self.forget(record.key)
            return False
        places = {ObjectKey(each.dependency.kind, namespace, each.dependency.name) for each in found}
        self._wait_for(record.key, places)
        self._tell(record, found)
        return True

    def _wait_for(self, key: NamedKey, places: set[ObjectKey]) -> None:
        before = self._awaited.pop(key, set())
        for place in before - places:
            self._waiting.discard(place, key)
        for place in places - before:
            self._waiting.add(place, key)
        if places:
            self._awaited[key] = places

    def concerned_by(self, change: CacheChange) -> list[NamedKey]:
        """The tasks that wait for what is different now."""
        if not self._waiting.keys():
            return []
        task = ObjectKey("Task", *change.task) if change.task is not None else None
        named = [key for key in (change.object, change.owner, task) if key is not None]
        return sorted({key for place in named for key in self._waiting.of(place)})

    def _warn(self, record: TaskRecord, reason: str, text: str) -> None:
        if self._told.get(record.key) != text:
            self._told[record.key] = text
            metadata = record.task.metadata
            about = ObjectRef(kind="Task", name=metadata.name, uid=metadata.uid)
            self._events.emit(about, metadata.namespace, reason, text, warning=True)

    def _tell(self, record: TaskRecord, found: list[Unmet]) -> None:
        metadata = record.task.metadata
        about = ObjectRef(kind="Task", name=metadata.name, uid=metadata.uid)
        awaited = " and ".join(f"{each.dependency.label} to be {each.dependency.awaited}" for each in found)
        if self._told.get(record.key) != awaited:
            self._told[record.key] = awaited
            self._events.emit(about, metadata.namespace, "Waiting", f"waits for {awaited}")
        for each in found:
            left = time_left(record, each, self._clock.now())
            if left is None:
                continue
            if left > 0:
                self._look_again(record.key, left)
            else:
                text = f"still waits for {each.text}"
                self._events.emit(about, metadata.namespace, "DependencyTimeout", text, warning=True)
