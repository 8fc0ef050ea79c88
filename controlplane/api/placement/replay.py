"""GET /replay: what was decided over a stretch of history, decided again. It only reads the store."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import send
from controlplane.api.http.problem import ApiError, bad_request
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.cluster import ClusterCache
from controlplane.past import BadMoment, earliest
from controlplane.replay import replay, span_of
from taskyard.clock import Clock
from taskyard.objects import Wire
from taskyard.store.api import Compacted, Store

_POLICIES = ("spread", "binpack")


class ShownAgain(Wire, frozen=True, kw_only=True):
    """`then`: the node that it was bound to; `now`: the one that it would be, empty where none would fit."""

    revision: int
    at: str
    namespace: str
    name: str
    then: str
    now: str


class ShownReplay(Wire, frozen=True, kw_only=True):
    """`differ` in the order in which they were decided; `earliest`: how far back the store's history goes."""

    kind: str
    first: int
    last: int
    earliest: int
    policy: str
    decisions: int
    same: int
    moves: int
    differ: list[ShownAgain]


@dataclass(frozen=True, slots=True)
class Replay:
    store: Store
    cache: ClusterCache
    clock: Clock
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("from", "to", "policy"))
        policy = params.text("policy")
        if policy and policy not in _POLICIES:
            raise bad_request(f"policy={policy!r} is none: write {' or '.join(_POLICIES)}")
        start, end = params.text("from"), params.text("to")
        send(response, await self.workers.etcd(lambda: self.again(start, end, policy)))

    def again(self, start: str, end: str, policy: str) -> ShownReplay:
        """Raises ApiError: 400 for a stretch that is none, 410 for one that is compacted."""
        try:
            span = span_of(self.store, start, end)
            found = replay(self.store, span, self.clock, strategy=self.cache.strategy, policy=policy)
            oldest = earliest(self.store)
        except BadMoment as error:
            raise bad_request(str(error), "BadMoment") from error
        except Compacted as gone:
            raise ApiError(410, "Compacted", f"{gone} while it was read: begin later") from gone
        return ShownReplay(
            kind="Replay",
            first=span.first,
            last=span.last,
            earliest=oldest,
            policy=policy or self.cache.strategy,
            decisions=len(found.decisions),
            same=sum(not each.differs for each in found.decisions),
            moves=found.moves,
            differ=[
                ShownAgain(
                    revision=each.revision,
                    at=each.at,
                    namespace=each.key.namespace,
                    name=each.key.name,
                    then=each.then,
                    now=each.now,
                )
                for each in found.decisions
                if each.differs
            ],
        )
