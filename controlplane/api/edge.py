"""What every request passes: the guard, the clock, the note of how stale an answer is, the security headers."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, Protocol

import falcon.asgi

from controlplane.api.etcd_contact import EtcdContact
from controlplane.api.http import guard
from controlplane.api.http.streams import RECEIVE
from controlplane.api.metrics import ApiMetrics
from controlplane.cluster import ClusterCache
from taskyard.clock import Clock

_log = logging.getLogger("taskyard.access")
_ALWAYS_FRESH = ("/healthz", "/readyz", "/version", "/metrics")


class Passage:
    """Falcon middleware."""

    def __init__(
        self,
        cache: ClusterCache,
        contact: EtcdContact,
        metrics: ApiMetrics,
        clock: Clock,
        allowed_hosts: Collection[str],
        *,
        access_log: bool = False,
    ) -> None:
        self._cache = cache
        self._contact = contact
        self._metrics = metrics
        self._clock = clock
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._access_log = access_log

    async def process_request(self, request: falcon.asgi.Request, _: falcon.asgi.Response) -> None:
        request.context.began = self._clock.monotonic()
        guard.check(
            request.method,
            request.get_header("Host"),
            request.get_header("Origin"),
            request.get_header("Sec-Fetch-Site"),
            self._allowed,
        )

    async def process_request_ws(self, request: falcon.asgi.Request, _: falcon.asgi.WebSocket) -> None:
        """A browser opens a WebSocket to anywhere, for any page: only the Origin tells, so it is looked at."""
        guard.check(
            "WEBSOCKET",
            request.get_header("Host"),
            request.get_header("Origin"),
            request.get_header("Sec-Fetch-Site"),
            self._allowed,
        )

    async def process_response(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, _: object, __: bool
    ) -> None:
        response.set_header("X-Content-Type-Options", "nosniff")
        if request.method in ("GET", "HEAD") and request.path not in _ALWAYS_FRESH and self._contact.failure:
            response.set_header("Warning", f'110 taskyard "{self._staleness()}"')
        seconds = self._clock.monotonic() - request.context.began
        status = int(response.status_code)
        self._metrics.observe(request.method, request.uri_template or "(none)", status, seconds)
        if self._access_log:
            _log.info("%s %s %d %.1f ms", request.method, request.relative_uri, status, seconds * 1000)

    def _staleness(self) -> str:
        silent = self._contact.silent_for()
        since = "has not answered yet" if silent is None else f"has not answered for {silent:.0f} s"
        return f"etcd {since}: this is as of revision {self._cache.revision}"


class Application(Protocol):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def outermost(app: Application) -> Application:
    """Leaves ASGI's `receive` where streams find it: it is how they learn that the client has left."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        scope[RECEIVE] = receive
        await app(scope, receive, send)

    return call
