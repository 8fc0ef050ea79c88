"""Where a watch of objects begins, and how its lines are written: a kind's feed for watch.py."""

from __future__ import annotations

from controlplane.api.http.answer import encode
from controlplane.api.objects.objects_service import ObjectFilter, S, ServiceOf
from controlplane.api.watching.watch import Watching, position, reached


def watching(service: ServiceOf[S], chosen: ObjectFilter[S], revision: int) -> Watching[S]:
    """From `revision` on; 0: what there is comes first. Raises ApiError (410) when that is not remembered."""
    service.ready()
    service.feed.begin()
    feed, explained = service.feed.feed, service.encoder()
    if revision:
        reached(revision, service.freshness)

    def seen() -> tuple[int, int]:
        with service.cache.lock:
            return service.cache.revision, feed.end

    with service.cache.lock:
        initial = None
        start = position(feed, revision) if revision else feed.end
        if not revision:
            every = [service.feed.shown[key] for key in sorted(service.feed.shown)]
            initial = [shown for shown in every if chosen.admits(shown)]
        return Watching(
            feed, start, initial, service.cache.revision, chosen.admits, lambda shown: encode(explained(shown)), seen
        )
