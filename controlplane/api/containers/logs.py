"""/tasks/{ident}/logs: what a task's container wrote, from its node's agent as it sends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import falcon.asgi

from controlplane.api.containers.agents import ask
from controlplane.api.containers.locating import locate
from controlplane.api.http.request import Params
from controlplane.api.http.streams import OpenStream, Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects.tasks_service import TaskService
from taskyard.exchange import Exchange

_WEEKS = 60 * 60 * 24 * 3650.0


@dataclass(frozen=True, slots=True)
class TaskLogs:
    service: TaskService
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "follow", "tail", "timestamps", "previous", "since", "container"))
        query: dict[str, str] = {name: "true" for name in ("follow", "timestamps", "previous") if params.flag(name)}
        if (tail := params.whole("tail", -1, high=1_000_000)) >= 0:
            query["tail"] = str(tail)
        if (since := params.seconds("since", _WEEKS)) is not None:
            query["since"] = f"{since:.3f}"
        if container := params.text("container", ""):
            query["container"] = container
        namespace = params.text("namespace", "default")
        agent = await self.workers.read(lambda: locate(self.service, ident, namespace))
        target = f"/logs/{quote(agent.uid, safe='')}" + (f"?{urlencode(query)}" if query else "")
        stream = self.streams.open(request)
        try:
            log = await ask(agent, "GET", target)
        except BaseException:
            stream.close()
            raise
        response.content_type = "text/plain; charset=utf-8"
        response.set_header("Cache-Control", "no-store")
        response.set_header("X-Content-Type-Options", "nosniff")
        response.stream = relay(log, stream)


async def relay(answer: Exchange, stream: OpenStream) -> AsyncIterator[bytes]:
    """Ends with the answer, when the client leaves, or when the server closes."""
    pieces = answer.pieces()
    ended = asyncio.create_task(stream.ended.wait())
    try:
        while True:
            following = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait((following, ended), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                return
            piece = following.result()
            if piece is None:
                return
            yield piece
    finally:
        ended.cancel()
        answer.close()
        stream.close()
