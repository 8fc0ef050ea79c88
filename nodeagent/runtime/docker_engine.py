"""Docker Engine's HTTP API over asyncio, for what streams: a socket each, no thread. Called by docker_console.py alone.

Paths have no version: the engine then speaks its own, and what is asked here is the same in all that are in use.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from nodeagent.runtime.port import RuntimeRefused, RuntimeUnavailable
from taskyard.exchange import ANSWER_TIMEOUT, PIECE, Body, BrokenExchange, Exchange, exchange, request_head
from taskyard.prepare import prepare

_DEFAULT = "unix:///var/run/docker.sock"
_CONNECT_TIMEOUT = 4.0
_MAX_COMPLAINT = 65_536
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class _Complaint(msgspec.Struct, frozen=True):
    message: str = ""


prepare(_Complaint)


@dataclass(frozen=True, slots=True)
class Hijacked:
    """A connection that is raw from here on: what the process writes comes in, what it is to read goes out."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Engine:
    """`host` as in DOCKER_HOST, a Unix socket or TCP; empty: the SDK's default. Each request has its own connection."""

    def __init__(self, host: str = "") -> None:
        self._host = host or _DEFAULT

    async def request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Body = b"",
        content_type: str = "application/json",
    ) -> Exchange:
        """An answer that is a success: `close` it. Raises RuntimeRefused with Docker's reason, RuntimeUnavailable."""
        reader, writer = await self._connect()
        headers = {"Host": "docker", **({"Content-Type": content_type} if body else {})}
        try:
            answer = await exchange(reader, writer, method, _target(path, query), headers, body)
        except BrokenExchange as error:
            raise RuntimeUnavailable(f"{method} {path}: Docker does not answer: {error}") from error
        if answer.status < 400:
            return answer
        try:
            complaint = await answer.whole(_MAX_COMPLAINT)
        finally:
            answer.close()
        raise _refusal(answer.status, complaint)

    async def whole(self, method: str, path: str, body: bytes = b"", limit: int = 4 << 20) -> bytes:
        """The answer's body, at most `limit` bytes."""
        answer = await self.request(method, path, None, body)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await answer.whole(limit)
        except TimeoutError as error:
            raise RuntimeUnavailable(f"{method} {path}: Docker did not finish its answer") from error
        finally:
            answer.close()

    async def hijack(self, path: str, query: dict[str, str] | None = None, body: bytes = b"") -> Hijacked:
        """For exec and attach. Raises as `request`."""
        reader, writer = await self._connect()
        try:
            headers = {"Host": "docker", "Content-Type": "application/json", "Connection": "Upgrade", "Upgrade": "tcp"}
            writer.write(request_head("POST", _target(path, query), headers, body) + body)
            async with asyncio.timeout(ANSWER_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
                found = _STATUS.match(head)
                status = int(found[1]) if found else 500
                if status >= 300:
                    raise _refusal(status, await reader.read(_MAX_COMPLAINT))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            writer.close()
            raise RuntimeUnavailable(f"POST {path}: Docker does not answer: {error}") from error
        except BaseException:
            writer.close()
            raise
        return Hijacked(reader, writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        scheme, _, place = self._host.partition("://")
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                if scheme in ("unix", "http+unix"):
                    return await asyncio.open_unix_connection(place, limit=PIECE)
                if scheme in ("tcp", "http"):
                    name, _, port = place.rstrip("/").rpartition(":")
                    return await asyncio.open_connection(name.strip("[]"), int(port), limit=PIECE)
        except (OSError, ValueError) as error:
            raise RuntimeUnavailable(f"Docker does not answer at {self._host}: {error}") from error
        raise RuntimeUnavailable(f"only engines on unix:// and tcp:// can be looked into, not {self._host}")


def _target(path: str, query: dict[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _refusal(status: int, body: bytes) -> RuntimeRefused | RuntimeUnavailable:
    try:
        said = msgspec.json.decode(body[body.find(b"{") : body.rfind(b"}") + 1], type=_Complaint).message
    except msgspec.DecodeError:
        said = body.decode(errors="replace").strip()
    if status == 503:
        return RuntimeUnavailable(f"Docker answered 503: {said}")
    return RuntimeRefused(said or f"Docker answered {status}")
