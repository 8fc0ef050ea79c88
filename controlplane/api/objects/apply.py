"""POST /apply: many objects, all validated and checked before any is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import falcon.asgi

from controlplane.admission import Applied, ObjectWriter, Refused, Wanted
from controlplane.api.http.answer import send
from controlplane.api.http.problem import ApiError, Violation, bad_request
from controlplane.api.http.request import JSON, MAX_BODIES, YAML, Params, read_body
from controlplane.api.http.workers import Workers
from controlplane.api.objects import bodies
from controlplane.api.objects.bodies import Sent
from controlplane.api.objects.nodes_service import NodeChange, NodeService
from controlplane.api.objects.objects_service import Change, Services
from controlplane.api.shown.objects import ShownNode, ShownObject, ShownTask
from taskyard.kinds import APPLY_ORDER, BY_KIND
from taskyard.manifest import FieldChange, diff
from taskyard.objects import NodeSpec, Wire

_SOURCE = re.compile(r"[0-9A-Za-z][0-9A-Za-z/._-]{0,299}", re.ASCII)


class ShownChange(Wire, frozen=True, kw_only=True):
    path: str
    old: Any = None
    new: Any = None


class ShownResult(Wire, frozen=True, kw_only=True):
    kind: str
    namespace: str = ""
    name: str
    result: Literal["created", "configured", "unchanged"]
    changes: list[ShownChange]
    object: ShownTask | ShownNode | ShownObject


class ShownApply(Wire, frozen=True, kw_only=True):
    """`results` are in the order of the documents."""

    results: list[ShownResult]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Apply:
    writer: ObjectWriter
    services: Services
    nodes: NodeService
    workers: Workers

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = Params(request, ("dryRun", "source", "force"))
        dry_run, force, source = params.flag("dryRun"), params.flag("force"), source_of(params)
        raw, media_type = await read_body(request, (JSON, *YAML), MAX_BODIES)
        answer = await self.workers.etcd(
            lambda: self.apply(bodies.apply_of(raw, media_type), source, dry_run=dry_run, force=force)
        )
        send(response, answer)

    def apply(
        self, sent: list[Sent], source: str, *, dry_run: bool, force: bool, expected: Mapping[str, int] | None = None
    ) -> ShownApply:
        """What others need comes first: a label that a task needs is there when it is placed.

        `expected`: by identity (bodies.py), the mod revision that the object must be at, 0 for none.
        """
        revisions = expected or {}
        for service in self.services.values():
            service.ready()
        order = sorted(range(len(sent)), key=lambda index: APPLY_ORDER.index(sent[index].value.kind))
        wanted: list[Wanted] = []
        places: list[int] = []
        nodes: list[tuple[int, NodeSpec]] = []
        for index in order:
            value = sent[index].value
            if isinstance(value, NodeSpec):
                nodes.append((index, value))
            else:
                wanted.append(Wanted(value, source, force, if_match=revisions.get(sent[index].identity)))
                places.append(index)
        sources = [sent[index].source for index in places]
        _raise_refused(self.writer.check(wanted), wanted, sources, "nothing was changed")
        results: dict[int, ShownResult] = {}
        revision = 0
        for index, spec in nodes:
            match = revisions.get(sent[index].identity)
            node = self.nodes.apply(spec, source, dry_run=dry_run, force=force, if_match=match)
            results[index], revision = _node_result(node), max(revision, node.applied.revision)
        for index, change in zip(places, self._write(wanted, sources, dry_run=dry_run), strict=True):
            results[index], revision = _result(change), max(revision, change.applied.revision)
        return ShownApply(results=[results[index] for index in range(len(sent))], revision=revision)

    def _write(self, wanted: Sequence[Wanted], sources: Sequence[str], *, dry_run: bool) -> list[Change[Any]]:
        """All of them; what would be refused is known to be none, unless that changed since."""
        outcomes = self.writer.apply_many(wanted, dry_run=dry_run)
        applied = [outcome for outcome in outcomes if isinstance(outcome, Applied)]
        refused = [outcome if isinstance(outcome, Refused) else None for outcome in outcomes]
        _raise_refused(refused, wanted, sources, f"{len(applied)} others were applied before it")
        self.nodes.freshness.reach(max((each.revision for each in applied), default=0))
        return [self.services[each.value.kind].change(each) for each in applied]


def source_of(params: Params) -> str:
    """The `source` of a request; empty for a person. Raises ApiError (400) for what cannot be one."""
    source = params.text("source")
    if source and not _SOURCE.fullmatch(source):
        raise bad_request(f"source={source!r} is not the name of a source: write one like folder/demo")
    return source


def _raise_refused(
    refused: Sequence[Refused | None], wanted: Sequence[Wanted], sources: Sequence[str], rest: str
) -> None:
    violations = [
        Violation("", each.message, each.hint, source)
        for each, source in zip(refused, sources, strict=True)
        if each is not None
    ]
    if violations:
        first = next(each for each in refused if each is not None)
        detail = f"{len(violations)} of {len(wanted)} objects cannot be applied; {rest}"
        raise ApiError(409, first.reason, detail, violations=violations)


def _result(change: Change[Any]) -> ShownResult:
    value = change.applied.value
    names = BY_KIND[value.kind]
    return ShownResult(
        kind=value.kind,
        namespace=value.metadata.namespace if names.namespaced else "",
        name=value.metadata.name,
        result=change.applied.result,
        changes=shown_changes(diff(change.applied.before, value)) if change.applied.result != "unchanged" else [],
        object=change.shown,
    )


def _node_result(change: NodeChange) -> ShownResult:
    return ShownResult(
        kind="Node",
        name=change.applied.spec.metadata.name,
        result=change.applied.result,
        changes=shown_changes(diff(change.applied.before, change.applied.spec)),
        object=change.shown,
    )


def shown_changes(found: Iterable[FieldChange]) -> list[ShownChange]:
    return [ShownChange(path=each.path, old=each.old, new=each.new) for each in found]
