"""Where a watch of nodes begins: the node feed for watch.py."""

from __future__ import annotations

from controlplane.api.http.answer import encode
from controlplane.api.objects.nodes_service import NodeService
from controlplane.api.shown.objects import ShownNode
from controlplane.api.shown.selectors import Selector, matches
from controlplane.api.watching.watch import Watching, position, reached


def watching(service: NodeService, labels: Selector, revision: int) -> Watching[ShownNode]:
    """From `revision` on; 0: what there is comes first. Raises ApiError (410) when that is not remembered."""
    service.ready()
    service.feed.begin()
    feed = service.feed.feed

    def admits(node: ShownNode) -> bool:
        return matches(labels, node.status.labels)

    def seen() -> tuple[int, int]:
        with service.cache.lock:
            return service.cache.revision, feed.end

    if revision:
        reached(revision, service.freshness)
    with service.cache.lock:
        start = position(feed, revision) if revision else feed.end
        initial = None if revision else service.list(labels)[0]
        return Watching(feed, start, initial, service.cache.revision, admits, encode, seen)
