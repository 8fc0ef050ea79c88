"""GET /logs/<uid>: a task's output, streamed from the runtime for as long as the client listens.

Each stream is read by a thread of its own, because the runtime's streams block, and hands over through a bounded
buffer: a client that reads slowly slows the reading down. The thread ends when the client goes.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

import falcon
import falcon.asgi

from nodeagent.runtime.port import LogOptions, LogStream, Runtime, RuntimeRefused, RuntimeUnavailable
from nodeagent.situation import Container
from taskyard.clock import Clock

RECEIVE = "taskyard.receive"
"""Where server.py leaves ASGI's `receive`: Falcon does not look for a client that has gone while a stream is silent."""
_MAX_STREAMS = 200
_BUFFERED = 64
"""Chunks between the reader and the client."""
_MAX_TAIL = 1_000_000


class Logs:
    """`containers` gives a task's containers, oldest run first; `token` is what the caller has to present."""

    def __init__(
        self, runtime: Runtime, containers: Callable[[str], tuple[Container, ...]], token: str, clock: Clock
    ) -> None:
        self._runtime = runtime
        self._containers = containers
        self._token = token
        self._clock = clock
        self._free = threading.Semaphore(_MAX_STREAMS)

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str) -> None:
        if not hmac.compare_digest((req.auth or "").encode(), f"Bearer {self._token}".encode()):
            raise falcon.HTTPUnauthorized(description="present the token of the node's lease")
        options = self._options(req)
        container = self._pick(uid, previous=req.get_param_as_bool("previous") or False)
        if not self._free.acquire(blocking=False):
            raise falcon.HTTPServiceUnavailable(description=f"{_MAX_STREAMS} log streams are open already")
        try:
            stream = await asyncio.to_thread(self._runtime.logs, container.info.id, options)
        except BaseException as error:
            self._free.release()
            if isinstance(error, RuntimeRefused):
                raise falcon.HTTPNotFound(description=str(error)) from error
            if isinstance(error, RuntimeUnavailable):
                raise falcon.HTTPServiceUnavailable(description=str(error)) from error
            raise
        resp.content_type = "text/plain; charset=utf-8"
        resp.set_header("x-taskyard-container", container.info.name)
        resp.stream = _Relay(stream, self._free.release, req.scope[RECEIVE])

    def _options(self, req: falcon.asgi.Request) -> LogOptions:
        since = req.get_param_as_float("since", min_value=0.0)
        return LogOptions(
            follow=req.get_param_as_bool("follow") or False,
            tail=req.get_param_as_int("tail", min_value=0, max_value=_MAX_TAIL),
            timestamps=req.get_param_as_bool("timestamps") or False,
            since=0.0 if since is None else self._clock.now() - since,
        )

    def _pick(self, uid: str, *, previous: bool) -> Container:
        found = self._containers(uid)
        if not found:
            raise falcon.HTTPNotFound(description=f"no container of task {uid} is on this node")
        if previous and len(found) < 2:
            raise falcon.HTTPNotFound(description="there is no earlier attempt of this task")
        return found[-2 if previous else -1]


class _Relay:
    """From a blocking stream in a thread to an asynchronous reader. Falcon iterates it, and closes it at the end."""

    def __init__(
        self, stream: LogStream, released: Callable[[], None], receive: Callable[[], Awaitable[Mapping[str, object]]]
    ) -> None:
        self._stream = stream
        self._receive = receive
        self._released = released
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(_BUFFERED)
        self._closed = False
        threading.Thread(target=self._read, name="agent-logs", daemon=True).start()
        self._watcher = self._loop.create_task(self._watch())

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._queue.get()
        if chunk is None:
            raise StopAsyncIteration
        self._room.release()
        # What has come meanwhile goes along: one write for many short lines.
        parts = [chunk]
        while not self._queue.empty():
            chunk = self._queue.get_nowait()
            if chunk is None:
                self._queue.put_nowait(None)
                break
            self._room.release()
            parts.append(chunk)
        return b"".join(parts)

    async def close(self) -> None:
        """The client has gone, or has everything."""
        self._watcher.cancel()
        await self._end()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        await self._end()

    async def _end(self) -> None:
        self._closed = True
        self._room.release()
        await asyncio.to_thread(self._stream.close)

    def _read(self) -> None:
        try:
            for chunk in self._stream:
                self._room.acquire()
                if self._closed:
                    break
                self._put(chunk)
        finally:
            self._put(None)
            self._released()

    def _put(self, chunk: bytes | None) -> None:
        # The loop may be closed already when the agent is shutting down.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, chunk)
