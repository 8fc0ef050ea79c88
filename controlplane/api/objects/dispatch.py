"""/jobs/{id}/dispatch: makes a job of one with parameters, and the arguments in the body."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import falcon.asgi
import msgspec

from controlplane.api.http.answer import send_object
from controlplane.api.http.problem import ApiError, bad_request
from controlplane.api.http.request import JSON, Params, read_body
from controlplane.api.http.workers import Workers
from controlplane.api.objects.bodies import invalid
from controlplane.api.objects.objects_service import Change, ServiceOf
from controlplane.api.objects.routes import location
from controlplane.api.shown.objects import ShownObject
from controlplane.jobs.dispatch import BadArguments, dispatched
from taskyard.manifest.check import validate
from taskyard.manifest.document import as_document
from taskyard.manifest.job_rules import LONGEST_JOB
from taskyard.objects import Job
from taskyard.prepare import prepare


class _Dispatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name`: of the new job; a second dispatch under the same name is refused, so it can be sent again."""

    arguments: dict[str, str] = {}
    payload: str | None = None
    name: str = ""


prepare(_Dispatch)


@dataclass(frozen=True, slots=True)
class JobDispatch:
    service: ServiceOf[ShownObject]
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response, ident: str) -> None:
        namespace = Params(request, ("namespace",)).text("namespace", "default")
        raw, _ = await read_body(request, (JSON,))
        try:
            asked = msgspec.json.decode(raw, type=_Dispatch)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            hint = 'send {"arguments": {"NAME": "VALUE"}, "payload": "TEXT"}'
            raise bad_request(f"the body is no dispatch: {error}; {hint}", "Syntax") from error
        change = await self.workers.etcd(lambda: self._dispatch(ident, namespace, asked))
        response.set_header("Location", location(self.service, change))
        send_object(request, response, change.shown, 201)

    def _dispatch(self, ident: str, namespace: str, asked: _Dispatch) -> Change[ShownObject]:
        self.service.ready()
        with self.service.cache.lock:
            key = self.service.locate(ident, namespace)
            job = self.service.cache.find(self.service.object_key(key)) if key is not None else None
        if not isinstance(job, Job):
            raise self.service.absent(ident, namespace)
        name = asked.name or f"{job.metadata.name[: LONGEST_JOB - 7]}-{secrets.token_hex(3)}"
        try:
            made = dispatched(job, asked.arguments, asked.payload, name)
        except BadArguments as error:
            raise ApiError(422, "BadArguments", str(error)) from error
        manifest = {"apiVersion": made.api_version, "kind": "Job", "metadata": {"name": name}}
        problems = validate(as_document({**manifest, "spec": msgspec.to_builtins(made.spec)}))
        if problems:
            raise invalid(problems)
        return self.service.write(made, create_only=True)
