"""/tasks/{ident}/logs: finds the task's agent, or says why there is no log; agent_logs.py does the talking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import falcon.asgi

from controlplane.api.agent_logs import AgentLog, open_log
from controlplane.api.problem import ApiError, unavailable
from controlplane.api.request import Params
from controlplane.api.streams import OpenStream, Streams
from controlplane.api.tasks_service import TaskService
from controlplane.api.workers import Workers
from controlplane.cluster import view
from taskyard.objects import NodeLease, TaskState

_WEEKS = 60 * 60 * 24 * 3650.0


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Which agent has it."""

    uid: str
    node: str
    lease: NodeLease


@dataclass(frozen=True, slots=True)
class TaskLogs:
    service: TaskService
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "follow", "tail", "timestamps", "previous", "since"))
        query: dict[str, str] = {name: "true" for name in ("follow", "timestamps", "previous") if params.flag(name)}
        if (tail := params.whole("tail", -1, high=1_000_000)) >= 0:
            query["tail"] = str(tail)
        if (since := params.seconds("since", _WEEKS)) is not None:
            query["since"] = f"{since:.3f}"
        namespace = params.text("namespace", "default")
        place = await self.workers.read(lambda: self._locate(ident, namespace))
        target = f"/logs/{quote(place.uid, safe='')}" + (f"?{urlencode(query)}" if query else "")
        stream = self.streams.open(request)
        try:
            log = await open_log(place.node, place.lease.address, place.lease.token, target)
        except BaseException:
            stream.close()
            raise
        response.content_type = "text/plain; charset=utf-8"
        response.set_header("Cache-Control", "no-store")
        response.set_header("X-Content-Type-Options", "nosniff")
        response.stream = _relay(log, stream)

    def _locate(self, ident: str, namespace: str) -> LogPlace:
        """Raises ApiError: 404 for no such task, 409 while there is no container, 503 when its node is gone."""
        self.service.ready()
        cache = self.service.cache
        with cache.lock:
            record = self.service.find(ident, namespace)
            status = view(cache, record, self.service.why)
            node = cache.nodes.get(status.node) if status.node else None
        name = f"task/{record.task.metadata.name}"
        if status.state in (TaskState.PENDING, TaskState.SCHEDULED):
            why = f": {status.message}" if status.message else ""
            raise ApiError(409, "NoContainer", f"{name} has no container yet, it is {status.state}{why}")
        if node is None or node.lease is None:
            detail = f"{name} ran on node {status.node}, which is gone; its log can be read once the node is back"
            raise unavailable(detail, "NodeLost", retry_after=10)
        return LogPlace(record.uid, node.name, node.lease)


async def _relay(log: AgentLog, stream: OpenStream) -> AsyncIterator[bytes]:
    """Ends with the log, when the client leaves, or when the server closes."""
    pieces = log.pieces()
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
        log.close()
        stream.close()
