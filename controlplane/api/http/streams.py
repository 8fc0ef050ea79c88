"""Answers that go on for as long as the client likes: their number is bounded, they end when it leaves or we shut down.

Back-pressure is the server's: it takes the next piece when the client has taken the last ones. Runs in the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi

from controlplane.api.http.problem import unavailable

RECEIVE = "taskyard.receive"
"""Where the outermost layer (edge.py) leaves the ASGI `receive` for us: Falcon keeps it to itself."""

Receive = Callable[[], Awaitable[Any]]


class OpenStream:
    """One of them. `ended` is set when the client has left, or when the server is to close."""

    def __init__(self, streams: Streams, receive: Receive | None) -> None:
        self.ended = asyncio.Event()
        self._streams = streams
        self._watcher = asyncio.create_task(self._watch(receive)) if receive else None

    async def first(self, event: asyncio.Event, timeout: float) -> bool:
        """Waits for `event`, the end of the stream, or the timeout in seconds; true when `event` is set."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self.ended.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return event.is_set()

    def close(self) -> None:
        """Safe to call twice."""
        if self._watcher:
            self._watcher.cancel()
        self._streams.discard(self)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.set()


class Streams:
    """At most `most` at a time; one more gets a 503."""

    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = most
        self._open: set[OpenStream] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    def open(self, request: falcon.asgi.Request | None = None) -> OpenStream:
        """Without a request (a WebSocket) the caller sees for itself when the client leaves."""
        if self._closing:
            raise unavailable("this server is shutting down", "ShuttingDown", retry_after=1)
        if len(self._open) >= self._most:
            raise unavailable(f"{self._most} {self._what} are open already, which is the limit", "TooManyStreams")
        stream = OpenStream(self, request.scope[RECEIVE] if request else None)
        self._open.add(stream)
        return stream

    def discard(self, stream: OpenStream) -> None:
        self._open.discard(stream)

    def close(self) -> None:
        """Ends them all; in the event loop's thread."""
        self._closing = True
        for stream in self._open:
            stream.ended.set()
