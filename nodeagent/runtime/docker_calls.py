"""The calls to Docker Engine that every start, stop and look makes, on kept connections. Made by docker.py.

The SDK's own way to send one costs forty times the processor time (docker_connections.py). What is rare goes through
the SDK.
"""

from __future__ import annotations

from http.client import responses
from urllib.parse import urlencode

import msgspec
import requests
from docker.errors import APIError

from nodeagent.runtime.docker_connections import Answer, Connections
from taskyard.prepare import prepare

_KEPT = 32
"""Connections; more may be open at once."""


class _Complaint(msgspec.Struct, frozen=True):
    message: str = ""


prepare(_Complaint)


class DockerCalls:
    """`host` as in DOCKER_HOST, a Unix socket or TCP; None: the SDK's default. Any thread may call."""

    def __init__(self, host: str | None, api_version: str) -> None:
        self._prefix = f"/v{api_version}"
        self._connections = Connections(host, _KEPT)

    def send(
        self, method: str, path: str, *, timeout: float, query: dict[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """The answer's body. Raises APIError as the SDK does, and OSError where none came in `timeout` s."""
        target = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        answer = self._connections.request(method, target, timeout=timeout, body=body)
        if answer.status >= 400:
            raise refusal(answer, target)
        return answer.body

    def close(self) -> None:
        self._connections.close()


def refusal(answer: Answer, target: str) -> APIError:
    """As the SDK raises it."""
    try:
        said = msgspec.json.decode(answer.body, type=_Complaint).message
    except msgspec.DecodeError:
        said = answer.body.decode(errors="replace").strip()
    response = requests.Response()
    response.status_code, response.reason, response.url = answer.status, responses.get(answer.status, ""), target
    return APIError(f"{answer.status} for {target}", response=response, explanation=said)
