"""One HTTP/1.1 request on an asyncio connection, whose bodies flow as they come, no faster than they are taken.

The control plane speaks to agents with it, and an agent to its container runtime: a stream costs a socket, no thread,
and a piece is as large as what has arrived. Connections, addresses and what an answer means are the callers'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import httptools

PIECE = 262_144
"""Bytes that are read at once at most; open connections with this limit."""
ANSWER_TIMEOUT = 15.0
_MAX_HEAD = 65_536

Body = AsyncIterator[bytes] | bytes


class BrokenExchange(Exception):
    """No answer, or half of one. The message says what the other side did: `it broke off its answer`."""


class Response:
    """httptools' callbacks; `pieces` is what was parsed and not taken yet."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.headed = False
        self.complete = False
        self.on_body = self.pieces.append

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_message_complete(self) -> None:
        self.complete = True


class Exchange:
    """An answer that has begun. `close` it in any case."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._response = Response()
        self._parser = httptools.HttpResponseParser(self._response)

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        return self._response.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body; it just ends where the other side breaks off, as the thing itself could: see `complete`."""
        while True:
            if self._response.pieces:
                piece = b"".join(self._response.pieces)
                self._response.pieces.clear()
                yield piece
            if self._response.complete or not await self._read():
                return

    @property
    def complete(self) -> bool:
        """All of the body has come."""
        return self._response.complete

    async def whole(self, limit: int) -> bytes:
        """The body, or its first part that reaches `limit` bytes."""
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            if len(found) >= limit:
                break
        return bytes(found)

    def close(self) -> None:
        self._writer.close()

    async def begin(self, head: bytes, body: Body) -> None:
        """Sends the request, and reads the head of the answer, which may come before all of the request is sent."""
        self._writer.write(head)
        sending = asyncio.ensure_future(self._send(body))
        heading = asyncio.ensure_future(self._head())
        try:
            await asyncio.wait((sending, heading), return_when=asyncio.FIRST_COMPLETED)
            if not heading.done():
                sending.result()
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await asyncio.shield(heading)
            heading.result()
        finally:
            for task in (sending, heading):
                task.cancel()
            with suppress(asyncio.CancelledError, OSError, BrokenExchange):
                await asyncio.gather(sending, heading)

    async def _send(self, body: Body) -> None:
        if isinstance(body, bytes):
            self._writer.write(body)
        else:
            async for piece in body:
                if piece:
                    self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await self._writer.drain()
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _head(self) -> None:
        read = 0
        while not self._response.headed:
            count = await self._read()
            read += count
            if not count or read > _MAX_HEAD + PIECE:
                raise BrokenExchange("it broke off its answer")

    async def _read(self) -> int:
        data = await self._reader.read(PIECE)
        try:
            if data:
                self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise BrokenExchange(f"it does not speak HTTP: {error}") from error
        return len(data)


async def exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: Body = b"",
) -> Exchange:
    """Closes the connection where this fails. `body` as an iterator is sent in chunks. Raises BrokenExchange."""
    begun = Exchange(reader, writer)
    try:
        await begun.begin(request_head(method, target, {**headers, "Connection": "close"}, body), body)
    except TimeoutError as error:
        begun.close()
        raise BrokenExchange("it took too long to answer") from error
    except OSError as error:
        begun.close()
        raise BrokenExchange(str(error)) from error
    except BaseException:
        begun.close()
        raise
    return begun


def request_head(method: str, target: str, headers: Mapping[str, str], body: Body = b"") -> bytes:
    """`target` is path and query. The length of the body, or that it comes in chunks, is added."""
    framing = {"Content-Length": str(len(body))} if isinstance(body, bytes) else {"Transfer-Encoding": "chunked"}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**headers, **framing}.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
