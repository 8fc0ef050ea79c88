"""Serves the agent's API with uvicorn on a thread. The socket is bound first, so that its port can be registered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import falcon.asgi
import uvicorn

from nodeagent.api.door import RECEIVE
from taskyard.channels import MAX_MESSAGE
from taskyard.listening import listen

AsgiApp = Callable[[dict[str, Any], Callable[[], Awaitable[dict[str, Any]]], Callable[..., Awaitable[None]]], Any]


def create_app(routes: Mapping[str, object]) -> AsgiApp:
    """`routes`: Falcon resources by path."""
    falcon_app = falcon.asgi.App()
    for path, resource in routes.items():
        falcon_app.add_route(path, resource)

    async def app(
        scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[..., Awaitable[None]]
    ) -> None:
        await falcon_app({**scope, RECEIVE: receive}, receive, send)

    return app


def bind(address: str) -> socket.socket:
    """Of `host:port` or `[address]:port`, port 0 for any. Raises OSError."""
    host, _, port = address.rpartition(":")
    return listen(host.strip("[]"), int(port))


class Server:
    """Inert until `start`."""

    def __init__(self, app: AsgiApp, bound: socket.socket) -> None:
        self._bound = bound
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE + 1,
                ws_per_message_deflate=False,
                ws_ping_timeout=None,  # A client that does not read for a while does not answer pings either.
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="agent-api", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Open streams are cut after a second."""
        self._server.should_exit = True
        self._thread.join(timeout=3)
        self._bound.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._bound])
