"""POST /apply: many objects, all validated and checked before any is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import falcon.asgi

from controlplane.admission import Wanted
from controlplane.api import bodies
from controlplane.api.answer import send
from controlplane.api.bodies import Sent
from controlplane.api.nodes_service import NodeChange, NodeService
from controlplane.api.problem import bad_request
from controlplane.api.request import JSON, MAX_BODIES, YAML, Params, read_body
from controlplane.api.shown import ShownNode, ShownTask
from controlplane.api.tasks_service import Change, TaskService
from controlplane.api.workers import Workers
from taskyard.manifest import FieldChange, diff
from taskyard.objects import NodeSpec, Task, Wire

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
    object: ShownTask | ShownNode


class ShownApply(Wire, frozen=True, kw_only=True):
    """`results` are in the order of the documents."""

    results: list[ShownResult]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Apply:
    tasks: TaskService
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
        """Nodes first: a label that a task needs is then there when it is placed.

        `expected`: `Kind/namespace/name` → the mod revision that the object must be at, 0 for none.
        """
        revisions = expected or {}
        self.tasks.ready()
        wanted, places, nodes = [], [], []
        for index, each in enumerate(sent):
            if isinstance(each.value, Task):
                metadata = each.value.metadata
                match = revisions.get(f"Task/{metadata.namespace}/{metadata.name}")
                wanted.append(Wanted(each.value, source, force, if_match=match))
                places.append(index)
            else:
                nodes.append((index, each.value))
        self.tasks.check(wanted, [sent[index].source for index in places])
        results: dict[int, ShownResult] = {}
        revision = 0
        for index, spec in nodes:
            match = revisions.get(f"Node//{spec.metadata.name}")
            node = self.nodes.apply(spec, source, dry_run=dry_run, force=force, if_match=match)
            results[index], revision = _node_result(node), max(revision, node.applied.revision)
        for index, change in zip(
            places, self.tasks.apply(wanted, [sent[index].source for index in places], dry_run=dry_run), strict=True
        ):
            results[index], revision = _task_result(change), max(revision, change.applied.revision)
        return ShownApply(results=[results[index] for index in range(len(sent))], revision=revision)


def source_of(params: Params) -> str:
    """The `source` of a request; empty for a person. Raises ApiError (400) for what cannot be one."""
    source = params.text("source")
    if source and not _SOURCE.fullmatch(source):
        raise bad_request(f"source={source!r} is not the name of a source: write one like folder/demo")
    return source


def _task_result(change: Change) -> ShownResult:
    metadata = change.applied.task.metadata
    return ShownResult(
        kind="Task",
        namespace=metadata.namespace,
        name=metadata.name,
        result=change.applied.result,
        changes=_changes(diff(change.applied.before, change.applied.task))
        if change.applied.result != "unchanged"
        else [],
        object=change.shown,
    )


def _node_result(change: NodeChange) -> ShownResult:
    return ShownResult(
        kind="Node",
        name=change.applied.spec.metadata.name,
        result=change.applied.result,
        changes=_node_changes(change.applied.before, change.applied.spec),
        object=change.shown,
    )


def _changes(found: list[FieldChange]) -> list[ShownChange]:
    return [ShownChange(path=each.path, old=each.old, new=each.new) for each in found]


def _node_changes(before: NodeSpec | None, after: NodeSpec) -> list[ShownChange]:
    return [
        ShownChange(path=f"spec.{field}", old=old, new=new)
        for field in ("labels", "taints", "cordoned")
        if (old := getattr(before, field, None)) != (new := getattr(after, field))
    ]
