"""The two feeds that can be watched: tasks joined with their status, and events. Fed in the informer's thread.

A change of a task, of its assignment or status, or of its node's life is one update of the task, with what is shown
before and after. The buffers are feed.py's, the HTTP side is streams.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.api.feed import Feed, Update
from controlplane.api.shown import ShownEvent, ShownTask, show_event, show_task
from controlplane.cluster import CacheChange, ClusterCache
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.store.informer import Change, Informer


class TaskFeed:
    """Costs nothing until the first reader begins it. `shown` is then every task as of the cache's revision; hold the
    cache's lock to read it whole."""

    def __init__(self, cache: ClusterCache) -> None:
        self.feed: Feed[ShownTask] = Feed()
        self.shown: dict[NamedKey, ShownTask] = {}
        self._cache = cache
        self._begun = 0
        cache.on_change(self._apply)

    def begin(self) -> None:
        """From now on changes are remembered. Every reader calls it, once the cache is synced."""
        if self._begun:
            return
        with self._cache.lock:
            self.shown = {key: show_task(self._cache, record) for key, record in self._cache.tasks.items()}
            self._begun = self._cache.revision
            self.feed.restart(self._begun)

    def _apply(self, changes: Sequence[CacheChange]) -> None:
        if not self._begun:
            return
        went_back, self._begun = self._cache.revision < self._begun, self._cache.revision
        updates = [
            update for key, revision in self._touched(changes).items() if (update := self._update(key, revision))
        ]
        if went_back:  # etcd was restored from a backup
            self.feed.restart(self._begun)
        elif updates:
            updates.sort(key=lambda update: update.revision)
            self.feed.append(updates)

    def _touched(self, changes: Sequence[CacheChange]) -> dict[NamedKey, int]:
        """The tasks that may look different now, each with the last revision that touched it."""
        touched: dict[NamedKey, int] = {}
        for change in changes:
            if change.task is not None:
                touched[change.task] = max(change.revision, touched.get(change.task, 0))
            elif change.kind == "node":
                for record in self._cache.bound_to(change.node):
                    touched[record.key] = max(change.revision, touched.get(record.key, 0))
        return touched

    def _update(self, key: NamedKey, revision: int) -> Update[ShownTask] | None:
        before = self.shown.get(key)
        record = self._cache.tasks.get(key)
        after = show_task(self._cache, record) if record else None
        if before == after:
            return None
        if after is None:
            del self.shown[key]
        else:
            self.shown[key] = after
        return Update(revision, before, after)


class EventFeed:
    """As TaskFeed; what there is now is read from the informer."""

    def __init__(self, informer: Informer) -> None:
        self.feed: Feed[ShownEvent] = Feed()
        self._informer = informer
        self._begun = 0
        informer.subscribe(self._apply)

    def begin(self) -> None:
        if self._begun:
            return
        with self._informer.lock:
            self._begun = self._informer.revision
            self.feed.restart(self._begun)

    def _apply(self, changes: Sequence[Change]) -> None:
        if not self._begun:
            return
        went_back, self._begun = self._informer.revision < self._begun, self._informer.revision
        if went_back:
            self.feed.restart(self._begun)
        elif updates := [update for change in changes if (update := _update(change))]:
            self.feed.append(updates)


def _update(change: Change) -> Update[ShownEvent] | None:
    if not change.key.startswith(keys.EVENTS):
        return None
    before = show_event(change.old) if change.old else None
    after = show_event(change.new) if change.new else None
    return Update(change.revision, before, after) if before or after else None
