"""/events: what happened, read from the informer's own copy, and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import falcon.asgi

from controlplane.api.answer import encode
from controlplane.api.feeds import EventFeed
from controlplane.api.freshness import Freshness
from controlplane.api.problem import unavailable
from controlplane.api.request import JSON, Params
from controlplane.api.shown import ListMetadata, ShownEvent, ShownList, show_event
from controlplane.api.streams import Streams
from controlplane.api.watch import MEDIA_TYPE, Watching, lines, position, reached
from controlplane.api.workers import Workers
from taskyard import keys
from taskyard.store.informer import Informer

Filter = Callable[[ShownEvent], bool]


@dataclass(frozen=True, slots=True)
class Events:
    informer: Informer
    feed: EventFeed
    freshness: Freshness
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("namespace", "kind", "name", "watch", "revision"))
        admits = _filter(params.text("namespace"), params.text("kind").lower(), params.text("name"))
        if params.flag("watch") and request.method == "GET":
            revision = params.whole("revision", 0)
            prepared = await self.workers.etcd(lambda: self._watching(admits, revision))
            response.content_type = MEDIA_TYPE
            response.set_header("Cache-Control", "no-store")
            response.stream = lines(prepared, self.streams.open(request))
            return
        response.content_type = JSON
        response.data = await self.workers.read(lambda: self._listed(admits))

    on_head = on_get

    def _listed(self, admits: Filter) -> bytes:
        with self.informer.lock:
            self._ready()
            revision, found = self.informer.revision, self._all(admits)
        return encode(ShownList(kind="EventList", metadata=ListMetadata(revision=revision), items=list(found)))

    def _all(self, admits: Filter) -> list[ShownEvent]:
        """Oldest first."""
        shown = [event for entry in self.informer.under(keys.EVENTS) if (event := show_event(entry)) and admits(event)]
        return sorted(shown, key=lambda event: (event.last_seen, event.metadata.revision))

    def _watching(self, admits: Filter, revision: int) -> Watching[ShownEvent]:
        self._ready()
        feed = self.feed.feed
        if revision:
            reached(revision, self.freshness)
        with self.informer.lock:
            start = position(feed, revision) if revision else feed.end
            initial = None if revision else self._all(admits)
            return Watching(feed, start, initial, self.informer.revision, admits, encode, self._seen)

    def _seen(self) -> tuple[int, int]:
        with self.informer.lock:
            return self.informer.revision, self.feed.feed.end

    def _ready(self) -> None:
        if not self.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        self.feed.begin()


def _filter(namespace: str, kind: str, name: str) -> Filter:
    """Events about nodes are in no namespace of the user's, so a namespace does not hide them from `kind=Node`."""

    def admits(event: ShownEvent) -> bool:
        about = event.about
        in_namespace = not namespace or event.namespace == namespace or (kind == "node" and about.kind == "Node")
        return in_namespace and (not kind or about.kind.lower() == kind) and (not name or about.name == name)

    return admits
