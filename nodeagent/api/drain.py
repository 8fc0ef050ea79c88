"""POST /drain: has the node's tasks moved, tells how far that has come, and ends the agent.

One DrainProgress as JSON a line, at each change and every few seconds; the last one says `over`. Whoever leaves early
leaves the drain going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import falcon
import falcon.asgi
import msgspec

from nodeagent.api.door import Door, Pass
from nodeagent.emptying import Emptying
from taskyard.clock import Clock

_LOOK = 0.1
_SIGN_OF_LIFE = 3.0
"""Seconds between two lines at the most."""


class Drain:
    def __init__(self, emptying: Emptying, door: Door, clock: Clock) -> None:
        self._emptying = emptying
        self._door = door
        self._clock = clock

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """`?timeout=`: seconds that it may take; else what the agent was started with."""
        self._door.check(req)
        limit = req.get_param_as_float("timeout", min_value=0.0)
        entry = self._door.enter()
        if not self._emptying.ask(limit):
            entry.close()
            raise falcon.HTTPServiceUnavailable(description="the agent is ending already, and moves nothing")
        resp.content_type = "application/x-ndjson"
        resp.stream = self._lines(entry)

    async def _lines(self, entry: Pass) -> AsyncIterator[bytes]:
        try:
            told, told_at = None, 0.0
            while told is None or not told.over:
                found, now = self._emptying.progress, self._clock.monotonic()
                if found and (found != told or now - told_at >= _SIGN_OF_LIFE):
                    told, told_at = found, now
                    yield msgspec.json.encode(found) + b"\n"
                else:
                    await asyncio.sleep(_LOOK)
        finally:
            entry.close()
