"""/healthz, /readyz, /version and /metrics: how this process is, for probes and for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import falcon.asgi

from controlplane.api.etcd_contact import EtcdContact
from controlplane.api.http.answer import send
from controlplane.api.http.workers import Workers
from controlplane.cluster import ClusterCache
from taskyard import __version__
from taskyard.objects import API_VERSION, Wire

_SILENT = 10.0
"""Seconds without an answer of etcd after which other replicas should be asked instead."""


class Readiness(Wire, frozen=True, kw_only=True, omit_defaults=False):
    ready: bool
    synced: bool
    etcd: str
    revision: int


class Version(Wire, frozen=True, kw_only=True):
    version: str
    api_version: str


class Healthy:
    """200 while the process can answer at all."""

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.content_type = "text/plain; charset=utf-8"
        response.text = "ok\n"

    on_head = on_get


@dataclass(frozen=True, slots=True)
class Ready:
    """200 once the cache is filled and while etcd answers, else 503."""

    cache: ClusterCache
    contact: EtcdContact

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        synced = self.cache.informer.synced
        silent = self.contact.silent_for()
        answers = silent is not None and silent < _SILENT
        etcd = self.contact.failure or ("ok" if answers else "no answer")
        ready = synced and answers
        send(
            response,
            Readiness(ready=ready, synced=synced, etcd=etcd, revision=self.cache.revision),
            200 if ready else 503,
        )

    on_head = on_get


class VersionOf:
    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        send(response, Version(version=__version__, api_version=API_VERSION))

    on_head = on_get


@dataclass(frozen=True, slots=True)
class MetricsOf:
    """`text` makes the page."""

    text: Callable[[], bytes]
    workers: Workers

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.content_type = "text/plain; version=0.0.4; charset=utf-8"
        response.data = await self.workers.read(self.text)

    on_head = on_get
