"""One request over urllib3, and its failures as our own errors. What is asked for is taskyard/client/api.py's.

urllib3 takes 100 ms to import, so that happens at the first request: a command that needs no server never pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from taskyard import __version__
from taskyard.client.errors import BadAnswer, ClientError, Problem, ServerUnreachable, refusal

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

MAX_ANSWER_SHOWN = 200
_POOLED = 8
"""Connections that are kept: streams of logs, beside what is asked meanwhile."""
Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `idle` is how long a stream may be silent before it is taken for dead and opened again."""

    connect: float = 3.0
    read: float = 30.0
    idle: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; `etag` without its quotes, empty when there was none."""

    status: int
    body: bytes
    etag: str = ""


class Transport:
    """Requests to one server. Inert until the first one; keeps connections; nothing is ever sent twice by itself."""

    def __init__(
        self,
        url: str,
        timeouts: Timeouts | None = None,
        trace: Callable[[str], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.url = server_url(url)
        self.timeouts = timeouts or Timeouts()
        self._trace = trace or (lambda _line: None)
        self._warn = warn or (lambda _words: None)
        self._pool: HTTPConnectionPool | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_type: str = "application/json",
        if_match: str = "",
    ) -> Answer:
        """The whole answer. Raises RequestRefused (and its kinds) for a status of 400 or more."""
        headers = {"Content-Type": content_type} if body is not None else {}
        if if_match:
            headers["If-Match"] = f'"{if_match}"'
        with self._open(method, path, query, body, headers, read_timeout=self.timeouts.read, preload=True) as response:
            etag = response.headers.get("ETag", "").removeprefix("W/").strip('"')
            return Answer(response.status, response.data, etag)

    @contextmanager
    def stream(
        self, path: str, *, idle: float | None, query: Query | None = None, left: Callable[[], float] | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The body as it arrives, in pieces of any size.

        ServerUnreachable when it breaks, or is silent for `idle` seconds (None: it may be silent for ever), or for as
        many as `left` says before each piece, if these are fewer.
        """
        with self._open("GET", path, query, None, {}, read_timeout=idle, preload=False) as response:
            yield self._pieces(response, lambda: idle if left is None else min(left(), inf if idle is None else idle))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _pieces(self, response: BaseHTTPResponse, silent: Callable[[], float | None]) -> Iterator[bytes]:
        from urllib3 import exceptions

        connection = getattr(response, "connection", None)
        try:
            while True:
                if connection is not None and connection.sock is not None:
                    connection.sock.settimeout(silent())
                piece = response.read1(65536, decode_content=False)
                if not piece:
                    return
                yield piece
        except exceptions.HTTPError as error:
            raise ServerUnreachable(f"the stream from {self.url} broke: {_cause(error)}", sent=True) from error

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: bytes | Iterator[bytes] | None,
        headers: dict[str, str],
        *,
        read_timeout: float | None,
        preload: bool,
    ) -> Iterator[BaseHTTPResponse]:
        import urllib3
        from urllib3 import exceptions

        if self._pool is None:
            self._pool = urllib3.connection_from_url(self.url, maxsize=_POOLED)
        self._trace(f"{method} {self.url}{path}{_query_string(query)}")
        target = urlsplit(self.url).path.rstrip("/") + path + _query_string(query)
        try:
            response = self._pool.urlopen(
                method,
                target,
                body=body,
                headers={"User-Agent": f"taskyard/{__version__}", "Accept": "*/*", **headers},
                retries=False,
                redirect=False,
                preload_content=preload,
                timeout=urllib3.Timeout(connect=self.timeouts.connect, read=read_timeout),
            )
        except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError) as error:
            raise ServerUnreachable(f"cannot reach the server at {self.url}: {_cause(error)}") from error
        except exceptions.ReadTimeoutError as error:
            raise ServerUnreachable(f"{self.url} did not answer within {read_timeout} s", sent=True) from error
        except (exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(f"the connection to {self.url} failed: {_cause(error)}", sent=True) from error
        self._trace(f"{response.status} {response.reason}")
        if stale := _staleness(response.headers.get("Warning", "")):
            self._warn(stale)
        try:
            if response.status >= 300:
                raise refusal(
                    _problem(self.url, response.status, response.headers.get("Content-Type", ""), response.data)
                )
            yield response
            response.drain_conn() if preload else response.close()
        except BaseException:
            response.close()
            raise


def server_url(text: str) -> str:
    """`n1`, `n1:8080`, `http://n1:8080/` → `http://n1:8080`; an address to listen on is reached on this machine."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ClientError(f"{text!r} is not the address of a server: {error}", "write http://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ClientError(f"{text!r} is not the address of a server", "write http://HOST:PORT or https://HOST:PORT")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    default = 8080 if parts.scheme == "http" else 443
    return f"{parts.scheme}://{shown}:{port or default}{parts.path.rstrip('/')}"


def _staleness(header: str) -> str:
    """What a `Warning: 110 taskyard "…"` says (RFC 7234, 5.5.1): the answer is from memory, as etcd is away."""
    code, _, rest = header.partition(" ")
    return rest.partition('"')[2].rstrip('"') if code == "110" else ""


def _query_string(query: Query | None) -> str:
    """Without the parameters that are None, False or empty; True is `1`."""
    given = {
        key: "1" if value is True else value for key, value in (query or {}).items() if value not in (None, False, "")
    }
    return f"?{urlencode(given)}" if given else ""


def _problem(url: str, status: int, content_type: str, body: bytes) -> Problem:
    if content_type.startswith("application/problem+json"):
        try:
            problem = msgspec.json.decode(body, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadAnswer(f"{url} answered {status} with an unreadable problem: {error}") from error
        return msgspec.structs.replace(problem, status=status)
    shown = body[:MAX_ANSWER_SHOWN].decode(errors="replace").strip()
    raise BadAnswer(
        f"{url} answered {status}{': ' + shown if shown else ''}",
        "is that a Taskyard server? check the address and the port",
    )


def _cause(error: BaseException) -> str:
    """The system's own word for it, not the library's chain: `Connection refused`."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return str(error)
