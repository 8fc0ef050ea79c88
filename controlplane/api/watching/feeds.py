"""The feeds that can be watched: tasks joined with their status, nodes joined with their lease, and events.

A change of a task, of its assignment or status, or of its node's life is one update of the task, with what is shown
before and after. Fed in the informer's thread; the buffers are feed.py's, the HTTP side is watch.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Generic, TypeVar

from controlplane.api.shown.objects import ShownEvent, ShownNode, show_event, show_node
from controlplane.api.watching.feed import Feed, Update
from controlplane.cluster import CacheChange, ChangeKind, ClusterCache
from taskyard import keys
from taskyard.store.informer import Change, Informer

K = TypeVar("K")
S = TypeVar("S")


class JoinedFeed(Generic[K, S]):
    """Costs nothing until the first reader begins it. `shown` is then every object as of the cache's revision; hold the
    cache's lock to read it whole.

    `known` are the keys there are, `show` is what one looks like now (None: it is gone), and `touched` the key of each
    object that a change may have changed, perhaps again and again. `kinds` are those of changes that it may say so of.
    """

    def __init__(
        self,
        cache: ClusterCache,
        known: Callable[[], Iterable[K]],
        show: Callable[[K], S | None],
        touched: Callable[[CacheChange], Iterable[K]],
        kinds: Collection[ChangeKind],
    ) -> None:
        self.feed: Feed[S] = Feed()
        self.shown: dict[K, S] = {}
        self._cache = cache
        self._known = known
        self._show = show
        self._touched = touched
        self._begun = False
        self._restores = 0
        """The cache's, when it was last told of changes."""
        cache.on_change(self._apply, kinds)

    def begin(self) -> None:
        """From now on changes are remembered. Every reader calls it, once the cache is synced."""
        with self._cache.lock:
            if self._begun:
                return
            self.shown = {key: shown for key in self._known() if (shown := self._show(key)) is not None}
            self._begun, self._restores = True, self._cache.restores
            self.feed.restart(self._cache.revision)

    def _apply(self, changes: Sequence[CacheChange]) -> None:
        if not self._begun:
            return
        restored, self._restores = self._cache.restores != self._restores, self._cache.restores
        touched: dict[K, int] = {}
        for change in changes:
            for key in self._touched(change):
                touched[key] = max(change.revision, touched.get(key, 0))
        updates = [update for key, revision in touched.items() if (update := self._update(key, revision))]
        if restored:  # What etcd's revisions said until then they say no more.
            self.feed.restart(self._cache.revision)
        elif updates:
            updates.sort(key=lambda update: update.revision)
            self.feed.append(updates)

    def _update(self, key: K, revision: int) -> Update[S] | None:
        before, after = self.shown.get(key), self._show(key)
        if before == after:
            return None
        if after is None:
            del self.shown[key]
        else:
            self.shown[key] = after
        return Update(revision, before, after)


def node_feed(cache: ClusterCache) -> JoinedFeed[str, ShownNode]:
    """With what its tasks are promised. What it measures is not shown, so new stats are no update."""

    def show(name: str) -> ShownNode | None:
        record = cache.nodes.get(name)
        return show_node(cache, record) if record else None

    def touched(change: CacheChange) -> Iterable[str]:
        return (change.node,) if change.kind == "node" or change.room else ()

    return JoinedFeed(cache, lambda: cache.nodes, show, touched, ("node", "stats", "assignment", "status"))


class EventFeed:
    """As JoinedFeed; what there is now is read from the informer."""

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
