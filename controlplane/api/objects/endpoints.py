"""Endpoints: where each service is reached right now, by the tasks of it that are ready and the ports they publish.

/endpoints lists and watches those of all services, /services/{id}/endpoints shows or watches those of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import falcon.asgi
import msgspec

from controlplane.admission import ObjectWriter
from controlplane.api.http.answer import send_object
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError, not_found
from controlplane.api.http.request import Params
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects.objects_service import TOUCHING_OWNERS, ServiceOf
from controlplane.api.objects.routes import ObjectCollection, answer_watch
from controlplane.api.shown.objects import ShownMetadata, show_metadata
from controlplane.cluster import CacheChange, ChangeKind, ClusterCache
from controlplane.services.endpoints import Endpoint, endpoints_of
from controlplane.services.gather import services_touched
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import AnyObject, Service, Wire
from taskyard.objects.base import api_version


class ShownEndpoints(Wire, frozen=True, kw_only=True):
    """`metadata` is the service's name, namespace, labels, annotations and uid."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    metadata: ShownMetadata
    endpoints: list[Endpoint]


class EndpointsService(ServiceOf[ShownEndpoints]):
    """Keys are services."""

    def __init__(self, cache: ClusterCache, writer: ObjectWriter, freshness: Freshness) -> None:
        super().__init__("Service", cache, writer, freshness)

    def known(self) -> Iterable[NamedKey]:
        return [NamedKey(*key[1:]) for key in self.cache.objects if key.kind == "Service"]

    def show(self, key: NamedKey) -> ShownEndpoints | None:
        record = self.cache.objects.get(ObjectKey("Service", *key))
        if record is None or not isinstance(record.value, Service):
            return None
        metadata = record.value.metadata
        return ShownEndpoints(
            kind="Endpoints",
            metadata=ShownMetadata(
                name=metadata.name,
                namespace=metadata.namespace,
                labels=metadata.labels,
                annotations=metadata.annotations,
                uid=metadata.uid,
            ),
            endpoints=endpoints_of(self.cache, record.value),
        )

    def kinds(self) -> Collection[ChangeKind]:
        return TOUCHING_OWNERS

    def touched(self, change: CacheChange) -> Iterable[NamedKey]:
        return services_touched(self.cache, change)

    def show_written(self, value: AnyObject, revision: int) -> ShownEndpoints:
        return ShownEndpoints(kind="Endpoints", metadata=show_metadata(value.metadata, revision), endpoints=[])

    def absent(self, ident: str, namespace: str) -> ApiError:
        return not_found(f"service {ident!r} in namespace {namespace}", self.near(ident, namespace))


@dataclass(frozen=True, slots=True)
class AllEndpoints:
    """Reading only, as a collection of objects."""

    collection: ObjectCollection[ShownEndpoints]

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await self.collection.on_get(request, response)

    on_head = on_get


@dataclass(frozen=True, slots=True)
class ServiceEndpoints:
    service: EndpointsService
    workers: Workers
    streams: Streams

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "consistent", "watch", "revision"))
        namespace, consistent = params.text("namespace", "default"), params.flag("consistent")
        run = self.workers.etcd if consistent else self.workers.read
        shown = await run(lambda: self.service.get(ident, namespace, consistent=consistent))
        if params.flag("watch") and request.method == "GET":
            chosen = self.service.choose_named(shown.metadata.namespace, shown.metadata.name)
            await answer_watch(self.service, self.workers, self.streams, request, response, params, chosen)
            return
        send_object(request, response, shown)

    on_head = on_get
