"""/tasks, /secrets and so on, and one of each: HTTP in, HTTP out. What is done is the kind's service's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import falcon.asgi

from controlplane.api.http.answer import encode, send, send_object
from controlplane.api.http.problem import bad_request
from controlplane.api.http.request import JSON, MAX_GRACE, MERGE_PATCH, YAML, Params, if_match, page_token, read_body
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects import bodies
from controlplane.api.objects.merge import merged
from controlplane.api.objects.objects_service import Change, ObjectFilter, S, ServiceOf
from controlplane.api.objects.objects_watch import watching
from controlplane.api.shown.objects import ListMetadata, ShownList
from controlplane.api.shown.selectors import BadSelector, parse_fields, parse_labels
from controlplane.api.watching.watch import MEDIA_TYPE, lines
from taskyard.keys import NamedKey
from taskyard.objects import AnyObject

T = TypeVar("T")
_SELECTION = ("namespace", "labelSelector", "fieldSelector", "consistent")
Then = Callable[[str], ServiceOf[S]]
"""The same kind as it was at a moment."""
Reader = Callable[[bytes, str, str, str], AnyObject]
"""Makes an object of a body, its media type, and the name and namespace of the URL, which may be empty."""


@dataclass(frozen=True, slots=True)
class ObjectCollection(Generic[S]):
    service: ServiceOf[S]
    read: Reader
    workers: Workers
    streams: Streams
    then: Then[S] | None

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        known = (*_SELECTION, "watch", "revision", "limit", "continue", *(("at",) if self.then else ()))
        params = Params(request, known)
        chosen = self._filter(params)
        consistent, at = params.flag("consistent"), moment(params)
        if params.flag("watch") and request.method == "GET":
            await answer_watch(self.service, self.workers, self.streams, request, response, params, chosen)
            return
        limit, after = params.whole("limit", 0, high=10_000), params.page_start()
        run = reader(self.workers, at, consistent=consistent)
        page = await run(partial(self._page, chosen, limit, after, consistent, at))
        response.content_type = JSON
        response.data = page

    on_head = on_get

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("namespace",))
        raw, media_type = await read_body(request, (JSON, *YAML))
        namespace = params.text("namespace")
        change = await self.workers.etcd(lambda: self._create(raw, media_type, namespace))
        response.set_header("Location", location(self.service, change))
        send_object(request, response, change.shown, 201)

    def _create(self, raw: bytes, media_type: str, namespace: str) -> Change[S]:
        return self.service.write(self.read(raw, media_type, "", namespace), create_only=True)

    def _page(self, chosen: ObjectFilter[S], limit: int, after: NamedKey | None, consistent: bool, at: str) -> bytes:
        service = self.then(at) if at and self.then else self.service
        page = service.page(chosen, limit=limit, after=after, consistent=consistent)
        metadata = ListMetadata(revision=page.revision, continue_=page_token(page.last))
        return encode(ShownList(kind=self.service.names.list_kind, metadata=metadata, items=list(page.items)))

    def _filter(self, params: Params) -> ObjectFilter[S]:
        try:
            return self.service.choose(
                params.text("namespace"),
                parse_labels(params.text("labelSelector")),
                parse_fields(params.text("fieldSelector"), self.service.fields),
            )
        except BadSelector as error:
            raise bad_request(str(error), "BadSelector") from error


@dataclass(frozen=True, slots=True)
class ObjectItem(Generic[S]):
    service: ServiceOf[S]
    read: Reader
    workers: Workers
    then: Then[S]

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "consistent", "at"))
        consistent, at = params.flag("consistent"), moment(params)
        namespace = params.text("namespace", "default")

        def read() -> S:
            service = self.then(at) if at else self.service
            return service.get(ident, namespace, consistent=consistent)

        run = reader(self.workers, at, consistent=consistent)
        send_object(request, response, await run(read))

    on_head = on_get

    async def on_put(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "force"))
        match, force, namespace = if_match(request), params.flag("force"), params.text("namespace")
        raw, media_type = await read_body(request, (JSON, *YAML))

        def replace() -> Change[S]:
            value = self.read(raw, media_type, ident, namespace)
            if request.get_header("If-None-Match", default="").strip() == "*":
                return self.service.write(value, create_only=True)
            return self.service.write(value, if_match=match, take_over=force)

        change = await self.workers.etcd(replace)
        created = change.applied.result == "created"
        if created:
            response.set_header("Location", location(self.service, change))
        send_object(request, response, change.shown, 201 if created else 200)

    async def on_patch(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        """RFC 7396: what is null goes, mappings are merged, everything else is replaced."""
        params = Params(request, ("namespace", "force"))
        match, force, namespace = if_match(request), params.flag("force"), params.text("namespace", "default")
        raw, media_type = await read_body(request, (MERGE_PATCH, JSON))

        def patch() -> Change[S]:
            wanted = bodies.data_of(raw, media_type)
            return self.service.patch(
                ident,
                namespace,
                lambda stored: bodies.same_object(merged(stored, wanted), stored),
                if_match=match,
                take_over=force,
            )

        send_object(request, response, (await self.workers.etcd(patch)).shown)

    async def on_delete(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        params = Params(request, ("namespace", "gracePeriod", "force"))
        match, grace, force = if_match(request), params.seconds("gracePeriod", MAX_GRACE), params.flag("force")
        namespace = params.text("namespace", "default")
        removal = await self.workers.etcd(
            lambda: self.service.delete(ident, namespace, if_match=match, grace_period=grace, take_over=force)
        )
        status = 200 if removal.deleted.gone else 202
        if removal.shown is None:
            response.status = 204
            return
        send(response, removal.shown, status)


def moment(params: Params) -> str:
    """`at`, which goes with neither of those that speak of now. Raises ApiError (400)."""
    at = params.text("at")
    if at and (params.flag("watch") or params.flag("consistent")):
        raise bad_request("what was does not change any more: 'at' goes neither with 'watch' nor with 'consistent'")
    return at


def reader(workers: Workers, at: str, *, consistent: bool) -> Callable[[Callable[[], T]], Awaitable[T]]:
    """Where it is read: in etcd's history, in etcd, or in the cache."""
    return workers.past if at else workers.etcd if consistent else workers.read


async def answer_watch(
    service: ServiceOf[S],
    workers: Workers,
    streams: Streams,
    request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    params: Params,
    chosen: ObjectFilter[S],
) -> None:
    """Lines for as long as the client likes; `params` may name the revision to go on from."""
    revision = params.whole("revision", 0)
    prepared = await workers.etcd(lambda: watching(service, chosen, revision))
    response.content_type = MEDIA_TYPE
    response.set_header("Cache-Control", "no-store")
    response.stream = lines(prepared, streams.open(request))


def location(service: ServiceOf[Any], change: Change[Any]) -> str:
    metadata = change.shown.metadata
    where = f"?namespace={metadata.namespace}" if metadata.namespace != "default" else ""
    return f"/{service.names.plural}/{metadata.name}{where}"
