"""/tasks/{ident}/stats and /nodes/{name}/stats: what was used lately, from the agent that measured and keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import falcon.asgi

from controlplane.api.containers.agents import AgentOf, pass_on
from controlplane.api.containers.locating import locate
from controlplane.api.http.problem import not_found, unavailable
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.api.objects.tasks_service import TaskService
from controlplane.cluster import ClusterCache

_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class TaskStats:
    service: TaskService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        namespace = Params(request, ("namespace",)).text("namespace", "default")
        agent = await self.workers.read(lambda: locate(self.service, ident, namespace))
        await pass_on(response, agent, f"/stats/{quote(agent.uid, safe='')}", _MOST)


@dataclass(frozen=True, slots=True)
class NodeHistory:
    cache: ClusterCache
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        Params(request, ())
        await pass_on(response, await self.workers.read(lambda: self._locate(name)), "/stats", _MOST)

    def _locate(self, name: str) -> AgentOf:
        with self.cache.lock:
            node = self.cache.nodes.get(name)
        if node is None:
            raise not_found(f"node {name!r}")
        if node.lease is None:
            raise unavailable(f"node {name} is gone, and what it used lately with it", "NodeLost", retry_after=10)
        return AgentOf("", name, node.lease)
