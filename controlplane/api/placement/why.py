"""/tasks/{ident}/why and /nodes/{name}/why: HTTP in, HTTP out. What is found out is why_service.py's."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import send
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.api.placement.why_service import WhyService


@dataclass(frozen=True, slots=True)
class TaskWhy:
    service: WhyService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "node"))
        namespace, node = params.text("namespace", "default"), params.text("node")
        send(response, await self.workers.etcd(lambda: self.service.task(ident, namespace, node)))


@dataclass(frozen=True, slots=True)
class NodeWhy:
    service: WhyService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        Params(request, ())
        send(response, await self.workers.read(lambda: self.service.node(name)))
