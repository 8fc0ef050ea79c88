"""/plan and /plan/apply: HTTP in, HTTP out. What is done is plans_service.py's."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import send
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import JSON, MAX_BODIES, YAML, Params, read_body
from controlplane.api.http.workers import Workers
from controlplane.api.objects import bodies
from controlplane.api.objects.apply import source_of
from controlplane.api.placement.plans_service import Manner, PlanService
from controlplane.planning import Plan
from controlplane.planning.document import VERSION
from taskyard.objects import BadValue, decode

_MAX_PLAN = 4 * MAX_BODIES
"""Bytes: a plan holds what was declared, and what follows from it."""


@dataclass(frozen=True, slots=True)
class Plans:
    service: PlanService
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("source", "prune", "force"))
        manner = Manner(source_of(params), params.flag("prune"), params.flag("force"))
        if manner.prune and not manner.source:
            raise bad_request("prune=1 needs a source: what is removed is what that source declares no more")
        raw, media_type = await read_body(request, (JSON, *YAML), MAX_BODIES)
        plan = await self.workers.etcd(lambda: self.service.plan(bodies.apply_of(raw, media_type), manner))
        send(response, plan)


@dataclass(frozen=True, slots=True)
class PlanApply:
    service: PlanService
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        Params(request, ())
        raw, _ = await read_body(request, (JSON,), _MAX_PLAN)
        saved = _plan_of(raw)
        send(response, await self.workers.etcd(lambda: self.service.carry_out(saved)))


def _plan_of(raw: bytes) -> Plan:
    try:
        plan = decode(raw, Plan)
    except BadValue as error:
        raise bad_request(f"the body is not a plan: {error}; send one as POST /plan answered it", "Syntax") from error
    if plan.version != VERSION:
        raise bad_request(f"the plan is of version {plan.version}, and this server knows {VERSION}: plan again")
    return plan
