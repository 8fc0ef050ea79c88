"""/rebalance and /tasks/{ident}/move: HTTP in, HTTP out. What is done is rebalance_service.py's."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi
import msgspec

from controlplane.api.http.answer import send
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import JSON, Params, read_body
from controlplane.api.http.workers import Workers
from controlplane.api.placement.rebalance_service import RebalanceService
from taskyard.prepare import prepare

_MOVES = 10
_MOST = 1000


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    to: str
    epoch: int = 0


prepare(_Wish)


@dataclass(frozen=True, slots=True)
class Rebalance:
    service: RebalanceService
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        limit = Params(request, ("maxMoves",)).whole("maxMoves", _MOVES, low=1, high=_MOST)
        send(response, await self.workers.etcd(lambda: self.service.plan(limit)))


@dataclass(frozen=True, slots=True)
class TaskMove:
    service: RebalanceService
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        namespace = Params(request, ("namespace",)).text("namespace", "default")
        raw, _ = await read_body(request, (JSON,))
        try:
            wish = msgspec.json.decode(raw, type=_Wish)
        except msgspec.DecodeError as error:
            raise bad_request(f'the body is no wish to move: {error}; send {{"to": "NODE"}}', "Syntax") from error
        shown = await self.workers.etcd(lambda: self.service.move(ident, namespace, wish.to, wish.epoch))
        send(response, shown, 202)
