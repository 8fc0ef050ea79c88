"""/services/{id}/revisions: the templates that a service had, by number, with when, who and why."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi

from controlplane.api.http.answer import send
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.api.objects.objects_service import ServiceOf
from controlplane.api.shown.objects import ShownObject
from controlplane.services.canaries import canaries_of
from controlplane.services.gather import unread_record
from taskyard.keys import ObjectKey
from taskyard.objects import Revision, Service, Wire


class ShownRevisions(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """Oldest first. `revision`: the one that tasks are to have; `stable`: the last one that all had; `canary`: only the
    canaries are to have that revision until it is promoted."""

    revision: int
    stable: int
    canary: bool
    revisions: list[Revision]
    message: str = ""
    """Why none are known."""


@dataclass(frozen=True, slots=True)
class ServiceRevisions:
    service: ServiceOf[ShownObject]
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "consistent"))
        namespace, consistent = params.text("namespace", "default"), params.flag("consistent")
        run = self.workers.etcd if consistent else self.workers.read
        send(response, await run(lambda: self._revisions(ident, namespace, consistent)))

    on_head = on_get

    def _revisions(self, ident: str, namespace: str, consistent: bool) -> ShownRevisions:
        self.service.ready(consistent=consistent)
        with self.service.cache.lock:
            key = self.service.locate(ident, namespace)
            if key is None:
                raise self.service.absent(ident, namespace)
            record = self.service.cache.rollouts.get(key)
            found = self.service.cache.objects.get(ObjectKey("Service", *key))
        service = found.value if found is not None and isinstance(found.value, Service) else None
        if record is None:
            with self.service.cache.lock:
                why = unread_record(self.service.cache, key) or "waits for the service controller"
            return ShownRevisions(revision=0, stable=0, canary=False, revisions=[], message=why)
        rollout = record.rollout
        return ShownRevisions(
            revision=rollout.target,
            stable=rollout.stable,
            canary=service is not None and canaries_of(service, rollout, 1) is not None,
            revisions=rollout.revisions,
        )
