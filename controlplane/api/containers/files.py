"""/tasks/{ident}/files: a container's files and folders as tar streams, from and to its node's agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import falcon
import falcon.asgi

from controlplane.api.containers.agents import ask
from controlplane.api.containers.locating import locate
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import Params
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects.tasks_service import TaskService
from taskyard.exchange import Exchange


@dataclass(frozen=True, slots=True)
class TaskFiles:
    service: TaskService
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "path", "stat"))
        agent = await self.workers.read(lambda: locate(self.service, ident, params.text("namespace", "default")))
        query = {"path": _path(params), **({"stat": "true"} if params.flag("stat") else {})}
        stream = self.streams.open(request)
        try:
            answer = await ask(agent, "GET", f"/files/{quote(agent.uid, safe='')}?{urlencode(query)}")
        except BaseException:
            stream.close()
            raise
        response.content_type = answer.headers.get("content-type", "application/octet-stream")
        response.set_header("Cache-Control", "no-store")
        response.stream = _relay(answer, stream.close)

    async def on_put(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "path"))
        agent = await self.workers.read(lambda: locate(self.service, ident, params.text("namespace", "default")))
        target = f"/files/{quote(agent.uid, safe='')}?{urlencode({'path': _path(params)})}"
        stream = self.streams.open()
        try:
            (await ask(agent, "PUT", target, aiter(request.stream))).close()
        finally:
            stream.close()
        response.status = falcon.HTTP_204


def _path(params: Params) -> str:
    path = params.text("path")
    if not path.startswith("/"):
        raise bad_request("path: write it from the root of the container, as ?path=/data")
    return path


async def _relay(answer: Exchange, closed: Callable[[], None]) -> AsyncIterator[bytes]:
    """A half archive must not look like a whole one: where the agent breaks off, so does this."""
    try:
        async for piece in answer.pieces():
            yield piece
        if not answer.complete:
            raise ConnectionResetError("the agent broke the archive off")
    finally:
        answer.close()
        closed()
