"""/tasks/{ident}/inspect: what the container runtime says of a task's container, from its node's agent."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import falcon.asgi

from controlplane.api.containers.agents import pass_on
from controlplane.api.containers.locating import locate
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.api.objects.tasks_service import TaskService

_MOST = 4 << 20


@dataclass(frozen=True, slots=True)
class TaskInspect:
    service: TaskService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "previous"))
        agent = await self.workers.read(lambda: locate(self.service, ident, params.text("namespace", "default")))
        previous = "?previous=true" if params.flag("previous") else ""
        await pass_on(response, agent, f"/inspect/{quote(agent.uid, safe='')}{previous}", _MOST)
