"""The way to a node's agent: one HTTP request for a container's log, passed on as it comes.

Plain asyncio streams with httptools' parser: a followed log costs a socket, not a thread, and nothing is read from the
agent faster than the client takes it. Which task, and whether it has a container, is logs.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httptools
import msgspec

from controlplane.api.problem import ApiError, unavailable
from taskyard.prepare import prepare

CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 15.0
_PIECE = 65536
_MAX_HEAD = 65536


class _Response:
    """httptools' callbacks; `pieces` is what was parsed and not taken yet."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.content_type = ""
        self.headed = False
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.decode("latin-1").lower()

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


class _Complaint(msgspec.Struct, frozen=True):
    """What an agent says when it says no, as far as it is passed on."""

    detail: str = ""
    description: str = ""
    title: str = ""


prepare(_Complaint)


class AgentLog:
    """An answer that has begun. `close` it in any case."""

    def __init__(self, node: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._node = node
        self._reader = reader
        self._writer = writer
        self._response = _Response()
        self._parser = httptools.HttpResponseParser(self._response)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body; it just ends where the agent breaks off, as the log itself could."""
        while True:
            taken, self._response.pieces = self._response.pieces, []
            for piece in taken:
                yield piece
            if self._response.complete or not await self._read():
                return

    def close(self) -> None:
        self._writer.close()

    async def begin(self) -> None:
        """Reads the head of the answer. Raises ApiError when it is not a log."""
        async with asyncio.timeout(ANSWER_TIMEOUT):
            read = 0
            while not self._response.headed:
                count = await self._read()
                read += count
                if not count or read > _MAX_HEAD:
                    raise _broken(self._node, "it broke off its answer")
            status = self._parser.get_status_code()
            if status == 200:
                return
            while not self._response.complete and read < _MAX_HEAD and (count := await self._read()):
                read += count
        raise _refused(self._node, status, b"".join(self._response.pieces))

    async def _read(self) -> int:
        data = await self._reader.read(_PIECE)
        try:
            if data:
                self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise _broken(self._node, f"it does not speak HTTP: {error}") from error
        return len(data)


async def open_log(node: str, address: str, token: str, target: str) -> AgentLog:
    """`target` is path and query. Raises ApiError: 404 and 409 as the agent says, 503 when it cannot be reached."""
    host, _, port = address.rpartition(":")
    if not (address + token).isascii() or not (address + token).isprintable():  # put into the lease by hand
        raise unavailable(f"the address or token that node {node} registered cannot be used", "AgentAway")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), limit=_PIECE)
    except (OSError, ValueError, OverflowError) as error:
        cause = "no answer" if isinstance(error, TimeoutError) else str(error)
        raise unavailable(f"the agent of node {node} cannot be reached at {address}: {cause}", "AgentAway") from error
    log = AgentLog(node, reader, writer)
    try:
        head = f"GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n"
        writer.write((head + f"Authorization: Bearer {token}\r\n\r\n").encode("ascii"))
        await log.begin()
    except BaseException as error:
        log.close()
        if isinstance(error, (OSError, TimeoutError)):
            raise _broken(
                node, "it took too long to answer" if isinstance(error, TimeoutError) else str(error)
            ) from error
        raise
    return log


def _broken(node: str, cause: str) -> ApiError:
    return unavailable(f"the agent of node {node} did not give the log: {cause}", "AgentAway")


def _refused(node: str, status: int, body: bytes) -> ApiError:
    try:
        complaint = msgspec.json.decode(body, type=_Complaint)
        detail = complaint.detail or complaint.description or complaint.title
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = ""
    told = detail or f"the agent of node {node} answered {status}"
    if status in (404, 409):
        return ApiError(status, "NoLog", told)
    if status in (429, 500, 502, 503, 504):
        return unavailable(f"node {node}: {told}", "AgentUnavailable")
    return ApiError(502, "AgentRefused", f"node {node}: {told}")
