"""GET /healthz: whether the agent is registered and its container runtime answers."""

from __future__ import annotations

from collections.abc import Callable

import falcon
import falcon.asgi


class Health:
    def __init__(self, registered: Callable[[], bool], runtime_ready: Callable[[], bool]) -> None:
        self._registered = registered
        self._runtime_ready = runtime_ready

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """200 when all is well, else 503; the body says what is not."""
        registered, ready = self._registered(), self._runtime_ready()
        resp.status = falcon.HTTP_200 if registered and ready else falcon.HTTP_503
        resp.media = {"registered": registered, "runtimeReady": ready}
