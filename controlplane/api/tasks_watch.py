"""Where a watch of tasks begins, and how its lines are written: the task feed for watch.py."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.api.answer import encode
from controlplane.api.shown import ShownTask, show_waiting
from controlplane.api.tasks_service import TaskFilter, TaskService
from controlplane.api.watch import Watching, position, reached
from controlplane.cluster import Demand, Waiting
from taskyard.keys import NamedKey
from taskyard.objects import TaskState

_EXPLAINED_FOR = 1.0
"""Seconds that an explanation may be old in a line: while many tasks are placed, each moment has another."""
_DEMANDS = 1000
"""Explanations that one watch keeps."""


def watching(service: TaskService, chosen: TaskFilter, revision: int) -> Watching[ShownTask]:
    """From `revision` on; 0: what there is comes first. Raises ApiError (410) when that is not remembered."""
    service.ready()
    feed = service.feed.feed
    if revision:
        reached(revision, service.freshness)
    with service.cache.lock:
        initial = None
        start = position(feed, revision) if revision else feed.end
        if not revision:
            initial = [service.feed.shown[key] for key in sorted(service.feed.shown)]
            initial = [task for task in initial if chosen.admits(task)]
        return Watching(
            feed, start, initial, service.cache.revision, chosen.admits, _encoder(service), lambda: _seen(service)
        )


def _seen(service: TaskService) -> tuple[int, int]:
    with service.cache.lock:
        return service.cache.revision, service.feed.feed.end


def _encoder(service: TaskService) -> Callable[[ShownTask], bytes]:
    """Adds to a task that waits why it does, as of now."""
    known: dict[Demand, tuple[float, Waiting]] = {}

    def encoded(task: ShownTask) -> bytes:
        record = service.cache.tasks.get(NamedKey(task.metadata.namespace, task.metadata.name))
        if task.status.state is not TaskState.PENDING or record is None:
            return encode(task)
        now = service.clock.monotonic()
        if record.demand not in known or now - known[record.demand][0] > _EXPLAINED_FOR:
            if len(known) > _DEMANDS:
                known.clear()
            known[record.demand] = (now, service.why(record))
        return encode(show_waiting(task, known[record.demand][1]))

    return encoded
