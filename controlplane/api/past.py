"""/{kind}/{name}/history and /undo, /differences: HTTP in, HTTP out. What is done is past_service.py's."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import send
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.api.past_service import MOST_CHANGES, PastService


@dataclass(frozen=True, slots=True)
class HistoryOf:
    """Of one kind; a node is called `name` in the path, everything else `ident`."""

    past: PastService
    kind: str
    workers: Workers

    async def on_get(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str = "", name: str = ""
    ) -> None:
        params = Params(request, ("namespace", "limit"))
        namespace, most = params.text("namespace", "default"), params.whole("limit", 100, low=1, high=MOST_CHANGES)
        send(response, await self.workers.past(lambda: self.past.history(self.kind, ident or name, namespace, most)))


@dataclass(frozen=True, slots=True)
class Undo:
    past: PastService
    kind: str
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "to", "by", "dryRun", "force"))
        namespace, to = params.text("namespace", "default"), params.text("to")
        dry_run, force, by = params.flag("dryRun"), params.flag("force"), params.text("by")
        undone = await self.workers.past(
            lambda: self.past.undo(self.kind, ident, namespace, to, by, dry_run=dry_run, take_over=force)
        )
        send(response, undone)


@dataclass(frozen=True, slots=True)
class Differences:
    past: PastService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("from", "to", "namespace"))
        start, end, namespace = params.text("from"), params.text("to"), params.text("namespace")
        if not start:
            raise bad_request("say from when: from=1042, or from=2026-11-22T20:57:48Z")
        send(response, await self.workers.past(lambda: self.past.differences(start, end, namespace)))
