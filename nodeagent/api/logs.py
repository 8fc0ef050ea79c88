"""GET /logs/<uid>: a task's output, streamed from the runtime for as long as the client listens.

A client that reads slowly slows the reading down, and costs a socket, no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import falcon
import falcon.asgi

from nodeagent.api.door import RECEIVE, Door, Pass, Receive
from nodeagent.runtime.console import LogOptions
from nodeagent.runtime.docker_console import DockerConsole, Output
from taskyard.clock import Clock

_MAX_TAIL = 1_000_000
_SMALL = 16_384
_PAUSE = 0.004
"""Seconds before the next read after a small one: a container that writes line by line would else wake the agent, the
control plane and the client for each line."""


class Logs:
    def __init__(self, console: DockerConsole, door: Door, clock: Clock) -> None:
        self._console = console
        self._door = door
        self._clock = clock

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str) -> None:
        self._door.check(req)
        options = self._options(req)
        previous, name = req.get_param_as_bool("previous") or False, req.get_param("container") or ""
        container = self._door.container(uid, previous=previous, name=name)
        entry = self._door.enter()
        try:
            output = await self._door.answered(self._console.logs(container.id, options))
        except BaseException:
            entry.close()
            raise
        resp.content_type = "text/plain; charset=utf-8"
        resp.set_header("x-taskyard-container", container.name)
        resp.stream = relay(output, entry, req.scope[RECEIVE])

    def _options(self, req: falcon.asgi.Request) -> LogOptions:
        since = req.get_param_as_float("since", min_value=0.0)
        return LogOptions(
            follow=req.get_param_as_bool("follow") or False,
            tail=req.get_param_as_int("tail", min_value=0, max_value=_MAX_TAIL),
            timestamps=req.get_param_as_bool("timestamps") or False,
            since=0.0 if since is None else self._clock.now() - since,
        )


async def relay(output: Output, entry: Pass, receive: Receive) -> AsyncIterator[bytes]:
    """Ends with the output, or when the client leaves: Falcon does not look for that while a stream is silent."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        output.close()

    watcher = asyncio.create_task(watch())
    try:
        async for piece in output.pieces():
            yield piece
            if len(piece) < _SMALL:
                await asyncio.sleep(_PAUSE)
    finally:
        watcher.cancel()
        output.close()
        entry.close()
