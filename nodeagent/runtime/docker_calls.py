"""The calls to Docker Engine that every start, stop and look makes, on pooled connections. Made by docker.py.

The SDK's own way to send one costs five times the processor time (0.7 to 0.9 ms against 0.15), and with many starts at
once that is time which the engine on the same machine does not get. What is rare goes through the SDK.
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlencode

import msgspec
import requests
import urllib3
from docker.errors import APIError
from docker.transport.unixconn import UnixHTTPConnectionPool
from docker.utils import parse_host

from taskyard.prepare import prepare

T = TypeVar("T")

_POOLED = 32
"""Connections that are kept; more may be open at once."""
_CONNECT_TIMEOUT = 4.0


class _Complaint(msgspec.Struct, frozen=True):
    message: str = ""


prepare(_Complaint)


class DockerCalls:
    """`host` as in DOCKER_HOST, a Unix socket or TCP; None: the SDK's default. Any thread may call."""

    def __init__(self, host: str | None, api_version: str) -> None:
        self._prefix = f"/v{api_version}"
        self._pool = connections(host, _POOLED)

    def send(
        self, method: str, path: str, *, timeout: float, query: dict[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """The answer's body. Raises APIError as the SDK does, and urllib3's errors where none came in `timeout` s."""
        target = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        answer = self._pool.urlopen(
            method,
            target,
            body=body or None,
            headers={"Content-Type": "application/json"} if body else {},
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=timeout),
        )
        if answer.status >= 400:
            raise refusal(answer, target)
        return answer.data

    def close(self) -> None:
        self._pool.close()


def connections(host: str | None, kept: int) -> urllib3.HTTPConnectionPool:
    """`kept`: how many stay open at most. Opens none."""
    address = str(parse_host(host))
    scheme, _, place = address.partition("://")
    if scheme == "http+unix":
        return UnixHTTPConnectionPool(address, f"/{place.lstrip('/')}", maxsize=kept)
    return urllib3.connectionpool.connection_from_url(address, maxsize=kept)


def refusal(answer: urllib3.BaseHTTPResponse, target: str) -> APIError:
    """As the SDK raises it."""
    try:
        said = msgspec.json.decode(answer.data, type=_Complaint).message
    except msgspec.DecodeError:
        said = answer.data.decode(errors="replace").strip()
    response = requests.Response()
    response.status_code, response.reason, response.url = answer.status, answer.reason or "", target
    return APIError(f"{answer.status} for {target}", response=response, explanation=said)
