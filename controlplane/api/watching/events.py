"""/events: what happened, read from the informer's own copy, and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import encode
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import bad_request, unavailable
from controlplane.api.http.request import JSON, Params
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.shown.objects import ListMetadata, ShownEvent, ShownList, show_event
from controlplane.api.watching.feeds import EventFeed
from controlplane.api.watching.related import is_part_of
from controlplane.api.watching.watch import MEDIA_TYPE, Watching, lines, position, reached
from controlplane.cluster import ClusterCache
from taskyard import keys
from taskyard.clock import parse_timestamp

TYPES = ("normal", "warning")
Filter = Callable[[ShownEvent], bool]


@dataclass(frozen=True, slots=True)
class Events:
    cache: ClusterCache
    feed: EventFeed
    freshness: Freshness
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("namespace", "kind", "name", "owned", "type", "since", "watch", "revision"))
        admits = _filter(params, self.cache)
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
        with self.cache.informer.lock:
            self._ready()
            revision, found = self.cache.informer.revision, self._all(admits)
        return encode(ShownList(kind="EventList", metadata=ListMetadata(revision=revision), items=list(found)))

    def _all(self, admits: Filter) -> list[ShownEvent]:
        """Oldest first."""
        shown = [
            event for entry in self.cache.informer.under(keys.EVENTS) if (event := show_event(entry)) and admits(event)
        ]
        return sorted(shown, key=lambda event: (event.last_seen, event.metadata.revision))

    def _watching(self, admits: Filter, revision: int) -> Watching[ShownEvent]:
        self._ready()
        feed = self.feed.feed
        if revision:
            reached(revision, self.freshness)
        with self.cache.informer.lock:
            start = position(feed, revision) if revision else feed.end
            initial = None if revision else self._all(admits)
            return Watching(feed, start, initial, self.cache.informer.revision, admits, encode, self._seen)

    def _seen(self) -> tuple[int, int]:
        with self.cache.informer.lock:
            return self.cache.informer.revision, self.feed.feed.end

    def _ready(self) -> None:
        if not self.cache.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        self.feed.begin()


def _filter(params: Params, cache: ClusterCache) -> Filter:
    """Events about nodes are in no namespace of the user's, so a namespace does not hide them from `kind=Node`."""
    namespace, kind, name = params.text("namespace"), params.text("kind").lower(), params.text("name")
    owned, of_type, since = params.flag("owned"), params.text("type").lower(), params.text("since")
    if of_type not in ("", *TYPES):
        raise bad_request(f"type={of_type!r} is no type of events: write type=Normal or type=Warning")
    try:
        earliest = parse_timestamp(since) if since else float("-inf")
    except ValueError as error:
        raise bad_request(f"since={since!r} is no moment: write one like 2026-11-22T20:57:48Z") from error

    def is_about(event: ShownEvent) -> bool:
        about = event.about
        if (not kind or about.kind.lower() == kind) and (not name or about.name == name):
            return True
        return owned and is_part_of(cache, event, kind, name)

    def admits(event: ShownEvent) -> bool:
        in_namespace = not namespace or event.namespace == namespace or kind == "node"
        fits = (not of_type or event.type.lower() == of_type) and _seen_at(event) >= earliest
        return in_namespace and fits and is_about(event)

    return admits


def _seen_at(event: ShownEvent) -> float:
    """Of one that somebody put by hand without a moment: now, for all that is known."""
    try:
        return parse_timestamp(event.last_seen)
    except ValueError:
        return float("inf")
