"""/nodes and /nodes/{name}: HTTP in, HTTP out. What is done is nodes_service.py's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon.asgi

from controlplane.api.http.answer import encode, send_object
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import JSON, MERGE_PATCH, YAML, Params, if_match, read_body
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects import bodies
from controlplane.api.objects.merge import merged
from controlplane.api.objects.nodes_service import NodeChange, NodeService
from controlplane.api.objects.nodes_watch import watching
from controlplane.api.objects.routes import moment, reader
from controlplane.api.shown.objects import ListMetadata, ShownList, ShownNode
from controlplane.api.shown.selectors import BadSelector, Selector, parse_labels
from controlplane.api.watching.watch import MEDIA_TYPE, lines
from taskyard.manifest.declared import manifest_of


@dataclass(frozen=True, slots=True)
class NodeCollection:
    service: NodeService
    workers: Workers
    streams: Streams
    then: Callable[[str], NodeService]

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("labelSelector", "consistent", "watch", "revision", "at"))
        consistent, at = params.flag("consistent"), moment(params)
        try:
            labels = parse_labels(params.text("labelSelector"))
        except BadSelector as error:
            raise bad_request(str(error), "BadSelector") from error

        if params.flag("watch") and request.method == "GET":
            await self._watch(request, response, labels, params.whole("revision", 0))
            return

        def listed() -> bytes:
            service = self.then(at) if at else self.service
            nodes, revision = service.list(labels, consistent=consistent)
            return encode(ShownList(kind="NodeList", metadata=ListMetadata(revision=revision), items=list(nodes)))

        response.content_type = JSON
        response.data = await reader(self.workers, at, consistent=consistent)(listed)

    on_head = on_get

    async def _watch(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, labels: Selector, revision: int
    ) -> None:
        prepared = await self.workers.etcd(lambda: watching(self.service, labels, revision))
        response.content_type = MEDIA_TYPE
        response.set_header("Cache-Control", "no-store")
        response.stream = lines(prepared, self.streams.open(request))


@dataclass(frozen=True, slots=True)
class NodeItem:
    service: NodeService
    workers: Workers
    then: Callable[[str], NodeService]

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        params = Params(request, ("consistent", "at"))
        consistent, at = params.flag("consistent"), moment(params)

        def read() -> ShownNode:
            return (self.then(at) if at else self.service).get(name, consistent=consistent)

        run = reader(self.workers, at, consistent=consistent)
        send_object(request, response, await run(read))

    on_head = on_get

    async def on_put(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        force = Params(request, ("force",)).flag("force")
        match = if_match(request)
        raw, media_type = await read_body(request, (JSON, *YAML))

        def replace() -> NodeChange:
            spec = bodies.node_of(_manifest(bodies.data_of(raw, media_type), name), name)
            return self.service.apply(spec, force=force, if_match=match)

        change = await self.workers.etcd(replace)
        send_object(request, response, change.shown, 201 if change.applied.result == "created" else 200)

    async def on_delete(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        force = Params(request, ("force",)).flag("force")
        match = if_match(request)
        await self.workers.etcd(lambda: self.service.forget(name, force=force, if_match=match))
        response.status = 204

    async def on_patch(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        """RFC 7396: what is null goes, mappings are merged, everything else is replaced."""
        force = Params(request, ("force",)).flag("force")
        match = if_match(request)
        raw, media_type = await read_body(request, (MERGE_PATCH, JSON))

        def patch() -> NodeChange:
            wanted = _manifest(bodies.data_of(raw, media_type), name)
            return self.service.change(
                name,
                lambda before: bodies.node_of(
                    merged(manifest_of(before) if before is not None else _manifest({}, name), wanted), name
                ),
                force=force,
                if_match=match,
            )

        change = await self.workers.etcd(patch)
        send_object(request, response, change.shown, 201 if change.applied.result == "created" else 200)


def _manifest(data: Any, name: str) -> Any:
    """A body may be the whole manifest, or only its spec: `{"cordoned": true}`."""
    if isinstance(data, dict) and not {"apiVersion", "kind", "metadata", "spec"} & data.keys():
        data = {"spec": data}
    if isinstance(data, dict):
        data.setdefault("apiVersion", "taskyard/v1")
        data.setdefault("kind", "Node")
        metadata = data.setdefault("metadata", {})
        if isinstance(metadata, dict):
            metadata.setdefault("name", name)
    return data
