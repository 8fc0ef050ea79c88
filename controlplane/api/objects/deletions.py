"""POST /delete: many objects asked to go in one request, each decided and answered for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import falcon.asgi
import msgspec

from controlplane.admission import ObjectWriter, Refused, Unwanted
from controlplane.api.http.answer import send
from controlplane.api.http.problem import ApiError, Problem, Violation, bad_request
from controlplane.api.http.request import JSON, MAX_BODIES, MAX_GRACE, Params, read_body
from controlplane.api.http.workers import Workers
from controlplane.api.objects.objects_service import Services
from taskyard.kinds import APPLY_ORDER, BY_KIND
from taskyard.object_name import ACCEPTED, is_object_name
from taskyard.objects import Wire
from taskyard.prepare import prepare


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One to delete, by name, or as GET finds it. With a `uid`: no other that has the name by now."""

    kind: str
    name: str
    namespace: str = "default"
    uid: str = ""


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    objects: list[Named]


class ShownRemoval(Wire, frozen=True, kw_only=True):
    """`deleting`: accepted, and done once what hangs on it is gone. `problem`: why it was refused."""

    kind: str
    namespace: str = ""
    name: str
    uid: str = ""
    result: Literal["deleted", "deleting", "refused"]
    problem: Problem | None = None


class ShownRemovals(Wire, frozen=True, kw_only=True):
    """`results` are in the order in which the objects were named."""

    results: list[ShownRemoval]
    revision: int = 0


prepare(_Asked)


@dataclass(frozen=True, slots=True)
class Deletions:
    writer: ObjectWriter
    services: Services
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("gracePeriod", "force"))
        grace, force = params.seconds("gracePeriod", MAX_GRACE), params.flag("force")
        raw, _ = await read_body(request, (JSON,), MAX_BODIES)
        send(response, await self.workers.etcd(lambda: self.delete(_read(raw), grace_period=grace, force=force)))

    def delete(self, named: Sequence[Named], *, grace_period: float | None, force: bool) -> ShownRemovals:
        """What others need goes last. Raises ApiError where nothing was looked at; each refusal is in the answer."""
        _check(named, self.services)
        for service in self.services.values():
            service.ready()
        results: dict[int, ShownRemoval] = {}
        unwanted: dict[int, Unwanted] = {}
        for index in sorted(range(len(named)), key=lambda index: -APPLY_ORDER.index(BY_KIND[named[index].kind].kind)):
            one = named[index]
            try:
                found = self.services[one.kind].unwanted(
                    one.name, one.namespace, uid=one.uid, grace_period=grace_period, take_over=force
                )
            except ApiError as error:
                results[index] = _refused(one, error)
            else:
                unwanted[index] = found
        revision = 0
        outcomes = self.writer.delete_many(list(unwanted.values()))
        for (index, asked), outcome in zip(unwanted.items(), outcomes, strict=True):
            one = named[index]
            if isinstance(outcome, Refused):
                results[index] = _refused(one, self.services[one.kind].not_deleted(asked, outcome))
                continue
            revision = max(revision, outcome.revision)
            results[index] = ShownRemoval(
                kind=one.kind,
                namespace=asked.key.namespace if BY_KIND[one.kind].namespaced else "",
                name=asked.key.name,
                uid=outcome.value.metadata.uid if outcome.value is not None else "",
                result="deleted" if outcome.gone else "deleting",
            )
        next(iter(self.services.values())).freshness.reach(revision)
        return ShownRemovals(results=[results[index] for index in range(len(named))], revision=revision)


def _read(raw: bytes) -> list[Named]:
    try:
        return msgspec.json.decode(raw, type=_Asked).objects
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = 'send {"objects": [{"kind": "Task", "namespace": "default", "name": "web"}]}'
        raise bad_request(f"the body names nothing to delete: {error}; {hint}", "Syntax") from error


def _check(named: Sequence[Named], services: Services) -> None:
    """Raises ApiError (422) with all that cannot be meant."""
    violations: list[Violation] = []
    for index, one in enumerate(named):
        if one.kind == "Node":
            message = "nodes are not deleted with other objects"
            violations.append(Violation(f"objects[{index}].kind", message, f"send DELETE /nodes/{one.name}"))
        elif one.kind not in services:
            message = f"there is no kind {one.kind!r}"
            violations.append(Violation(f"objects[{index}].kind", message, f"there are: {', '.join(services)}"))
        if not is_object_name(one.namespace):
            message = f"{one.namespace!r} is not a namespace's name"
            violations.append(Violation(f"objects[{index}].namespace", message, f"use {ACCEPTED}"))
    if violations:
        detail = f"nothing was deleted: {violations[0].path}: {violations[0].message}"
        raise ApiError(422, "Invalid", detail, violations=violations)


def _refused(one: Named, error: ApiError) -> ShownRemoval:
    namespace = one.namespace if BY_KIND[one.kind].namespaced else ""
    return ShownRemoval(kind=one.kind, namespace=namespace, name=one.name, result="refused", problem=error.problem)
