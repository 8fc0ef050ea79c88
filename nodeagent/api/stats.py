"""GET /stats and /stats/<uid>: what the node, or one of its tasks, used over the last quarter of an hour."""

from __future__ import annotations

import falcon.asgi
import msgspec

from nodeagent.api.door import Door
from nodeagent.stats.history import Sample, StatsHistory


class _Answer(msgspec.Struct, frozen=True):
    samples: list[Sample]


class Stats:
    def __init__(self, history: StatsHistory, door: Door) -> None:
        self._history = history
        self._door = door

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str = "") -> None:
        self._door.check(req)
        samples = self._history.of_task(uid) if uid else self._history.of_node()
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(_Answer(samples))
