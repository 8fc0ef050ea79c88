"""Serves an ASGI application with uvicorn on a thread of its own, on a socket that taskyard/listening.py bound."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from taskyard.channels import MAX_MESSAGE

_DRAIN = 3
"""Seconds that requests under way get when the server stops."""


class Server:
    """Inert until `start`. `before_exit` is called in the event loop, to end what would go on for ever."""

    def __init__(self, application: Any, bound: socket.socket, before_exit: Callable[[], None]) -> None:
        self._bound = bound
        self._before_exit = before_exit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                http="httptools",
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE + 1,
                ws_per_message_deflate=False,
                ws_ping_timeout=None,  # A client that does not read for a while does not answer pings either.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_DRAIN,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="api", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Takes nothing new, lets requests finish for a few seconds, cuts the rest."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._before_exit)
        self._server.should_exit = True
        self._thread.join(_DRAIN + 2)
        self._bound.close()

    def _serve(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._bound])

        asyncio.run(serve())
