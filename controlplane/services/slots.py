"""The tasks of a service: how each is called and made, and what is known of those there are. Pure.

A slot is a number of a replicated service or a node of one that runs on each node. It keeps its name: an update writes
another spec into the same task.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from msgspec.structs import replace

from taskyard.annotations import STANDS_IN_FOR
from taskyard.objects import NODE_NAME, Constraint, Metadata, Owner, Service, Task, TaskSpec, TaskTemplate
from taskyard.objects.service import SERVICE, SLOT
from taskyard.store.api import Entry

_LONGEST_NAME = 63
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SlotTask:
    """One task of the service as it is now."""

    slot: str
    task: Task
    entry: Entry
    ready: bool
    """It runs, and is healthy where it has a check; or it has completed."""
    ready_for: float
    """Seconds, as far as this process has seen; 0 for one that is not ready."""
    trouble: str = ""
    """Why it will not become ready by itself; empty while it may."""
    digest: str = ""
    """Of the image that it runs, as far as it is known."""
    unfetched: str = ""
    """Why its image cannot be fetched, which is tried again; empty while nothing is known to keep it."""
    leaving: bool = False
    """It is ready, and is to leave its node once another stands in for it."""

    @property
    def going(self) -> bool:
        return bool(self.task.metadata.deletion_timestamp)

    @property
    def stands_in_for(self) -> str:
        """The slot of one that is to leave its node; empty for a task of its own."""
        return self.task.metadata.annotations.get(STANDS_IN_FOR, "")


def task_name(service: str, slot: str, *, per_node: bool) -> str:
    """`web-0`, `collector-n1`; a digest where the node's name is none for a task, or is too long."""
    name = f"{service}-{slot}"
    if not per_node or (len(name) <= _LONGEST_NAME and _LABEL.fullmatch(slot)):
        return name
    digest = hashlib.sha256(slot.encode()).hexdigest()[:10]
    return f"{service[: _LONGEST_NAME - 11]}-{digest}"


def wanted_spec(service: Service, template: TaskTemplate, slot: str) -> TaskSpec:
    """Of one for each node: held there, with volumes of its own under names that it shares with the others."""
    if service.spec.mode == "replicated":
        return template.spec
    here = Constraint(key=NODE_NAME, value=slot)
    own = [replace(each, pinned=False) if each.type == "volume" else each for each in template.spec.volumes]
    return replace(template.spec, constraints=[*template.spec.constraints, here], volumes=own)


def new_task(
    service: Service, template: TaskTemplate, slot: str, uid: str, created_at: str, *, stands_in_for: str = ""
) -> Task:
    labels, annotations = _marks(service, template, slot)
    if stands_in_for:
        annotations[STANDS_IN_FOR] = stands_in_for
    metadata = Metadata(
        name=task_name(service.metadata.name, slot, per_node=service.spec.mode == "per-node"),
        namespace=service.metadata.namespace,
        labels=labels,
        annotations=annotations,
        uid=uid,
        generation=1,
        created_at=created_at,
        owner=Owner(kind="Service", name=service.metadata.name, uid=service.metadata.uid),
    )
    return Task(metadata=metadata, spec=wanted_spec(service, template, slot))


def changed_task(service: Service, template: TaskTemplate, slot: str, task: Task) -> Task:
    """The same task made of this template; equal to `task` when it already is."""
    labels, annotations = _marks(service, template, slot)
    spec = wanted_spec(service, template, slot)
    generation = task.metadata.generation + (1 if spec != task.spec else 0)
    metadata = replace(task.metadata, labels=labels, annotations=annotations, generation=generation)
    return replace(task, metadata=metadata, spec=spec)


def _marks(service: Service, template: TaskTemplate, slot: str) -> tuple[dict[str, str], dict[str, str]]:
    labels = {**template.metadata.labels, SERVICE: service.metadata.name, SLOT: slot}
    return labels, dict(template.metadata.annotations)
