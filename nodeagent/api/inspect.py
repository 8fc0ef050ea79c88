"""GET /inspect/<uid>: all that the runtime says of a task's container, without the values of its environment.

Values are masked here, before they leave the node: a Secret that a task has in its environment is for that task.
"""

from __future__ import annotations

from typing import Any

import falcon
import falcon.asgi
import msgspec

from nodeagent.api.door import Door
from nodeagent.runtime.docker_console import DockerConsole

MASK = "***"
_SHOWN = ("PATH", "HOME", "HOSTNAME", "LANG", "TERM")
_OURS = "TASKYARD_"


class Inspect:
    def __init__(self, console: DockerConsole, door: Door) -> None:
        self._console = console
        self._door = door

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str) -> None:
        self._door.check(req)
        container = self._door.container(uid, previous=req.get_param_as_bool("previous") or False)
        found = msgspec.json.decode(await self._door.answered(self._console.inspect(container.id)))
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(masked(found))


def masked(found: dict[str, Any]) -> dict[str, Any]:
    """`NAME=***` for all but what is ours or says nothing."""
    config = found.get("Config") or {}
    env = [_masked(pair) for pair in config.get("Env") or []]
    return {**found, "Config": {**config, "Env": env}}


def _masked(pair: str) -> str:
    name = pair.partition("=")[0]
    return pair if name in _SHOWN or name.startswith(_OURS) else f"{name}={MASK}"
