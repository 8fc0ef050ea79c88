"""Objects as the API shows them: what is stored joined with what is observed, never a token. Pure over the cache.

Used by the services in this package for answers and by the task feed for watches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from controlplane.cluster import ClusterCache, EffectiveStatus, NodeRecord, TaskRecord, Waiting, view
from controlplane.nodeloss import Outlook
from taskyard.objects import (
    NODE_BODY,
    Amounts,
    Drain,
    Event,
    Maintenance,
    Metadata,
    NodeCondition,
    NodeSpec,
    ObjectRef,
    Taint,
    TaskSpec,
    TaskState,
    Wire,
    decode,
)
from taskyard.objects.base import api_version
from taskyard.objects.codec import BadValue
from taskyard.store.api import Entry


class ShownMetadata(Metadata, frozen=True, kw_only=True):
    revision: int = 0
    """Mod revision of the object's key: what If-Match compares."""


class ShownTask(Wire, frozen=True, kw_only=True):
    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    metadata: ShownMetadata
    spec: TaskSpec
    status: EffectiveStatus


class ShownObject(Wire, frozen=True, kw_only=True):
    """Any other kind that is kept whole under one key."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    metadata: ShownMetadata
    spec: Any = None
    status: Any = None


class ShownNodeSpec(Wire, frozen=True, kw_only=True):
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    taints: list[Taint] = msgspec.field(default_factory=list)
    cordoned: bool = False
    drain: Drain | None = None
    maintenance: Maintenance | None = None


class ShownNodeStatus(Wire, frozen=True, kw_only=True):
    """`ready`: what is placed here can run. `labels` are all that selectors see. `allocated` is what tasks that have
    not ended are promised."""

    ready: bool
    reason: str = ""
    message: str = ""
    address: str = ""
    runtime: str = ""
    version: str = ""
    registered_at: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    capacity: Amounts = Amounts()
    allocated: Amounts = Amounts()
    tasks: int = 0
    conditions: list[NodeCondition] = msgspec.field(default_factory=list)
    """What is wrong with it; one that does not hold is not there."""
    taints: list[Taint] = msgspec.field(default_factory=list)
    """All that placement goes by: the spec's, and those of the conditions."""


class ShownNode(Wire, frozen=True, kw_only=True):
    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    metadata: ShownMetadata
    spec: ShownNodeSpec
    status: ShownNodeStatus


class ShownEvent(Event, frozen=True, kw_only=True):
    metadata: ShownMetadata


class ListMetadata(Wire, frozen=True, kw_only=True):
    revision: int
    continue_: str = msgspec.field(default="", name="continue")


class ShownList(Wire, frozen=True, kw_only=True):
    """`items` are already JSON."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    metadata: ListMetadata
    items: list[Any]


def show_task(
    cache: ClusterCache, record: TaskRecord, why_pending: Callable[[TaskRecord], Waiting] | None = None
) -> ShownTask:
    """Under the cache's lock."""
    status = view(cache, record, why_pending)
    metadata = show_metadata(record.task.metadata, record.entry.mod_revision)
    return ShownTask(kind="Task", metadata=metadata, spec=record.task.spec, status=status)


def show_waiting(task: ShownTask, why: Waiting) -> ShownTask:
    """A Pending task, with why it is; one that waits for something else already says so."""
    if task.status.state is not TaskState.PENDING or task.status.message:
        return task
    return replace(task, status=replace(task.status, reason=why.reason, message=why.message))


def show_lost(task: ShownTask, found: Outlook, due: str) -> ShownTask:
    """A Lost task, with what it waits for; `due` is when it is placed again, or empty."""
    if task.status.state is not TaskState.LOST:
        return task
    when = f" from {due} on" if due else ""
    message = f"{task.status.message}; {found.message}{when}"
    return replace(task, status=replace(task.status, reason=found.reason, message=message, next_attempt_at=due))


def show_metadata(metadata: Metadata, revision: int) -> ShownMetadata:
    return ShownMetadata(
        name=metadata.name,
        namespace=metadata.namespace,
        labels=metadata.labels,
        annotations=metadata.annotations,
        uid=metadata.uid,
        generation=metadata.generation,
        created_at=metadata.created_at,
        deletion_timestamp=metadata.deletion_timestamp,
        source=metadata.source,
        owner=metadata.owner,
        defaulted=metadata.defaulted,
        revision=revision,
    )


def show_node(cache: ClusterCache, node: NodeRecord) -> ShownNode:
    """Under the cache's lock. The agent's token stays out: nothing of the lease is passed on as it is."""
    spec, lease, usage = node.spec, node.lease, cache.usage(node.name)
    metadata = spec.metadata if spec else Metadata(name=node.name)
    reason, message = _readiness(node)
    status = ShownNodeStatus(
        ready=node.able,
        reason=reason,
        message=message,
        address=lease.address if lease else "",
        runtime=lease.runtime if lease else "",
        version=lease.version if lease else "",
        registered_at=lease.registered_at if lease else "",
        labels=node.labels,
        capacity=lease.capacity if lease else Amounts(),
        allocated=Amounts(
            cpu_millis=usage.cpu,
            memory_bytes=usage.memory,
            disk_bytes=usage.disk,
            generic={name: count for name, count in usage.generic.items() if count},
        ),
        tasks=len(usage.by_uid),
        conditions=lease.conditions if lease else [],
        taints=node.taints,
    )
    return ShownNode(
        kind="Node",
        metadata=show_metadata(metadata, node.spec_revision),
        spec=show_node_spec(spec) if spec else ShownNodeSpec(),
        status=status,
    )


def show_node_spec(spec: NodeSpec) -> ShownNodeSpec:
    return ShownNodeSpec(**{name: getattr(spec, name) for name in NODE_BODY})


def _readiness(node: NodeRecord) -> tuple[str, str]:
    if node.maintenance is not None:
        why = f": {node.maintenance.reason}" if node.maintenance.reason else ""
        return "Maintenance", f"nothing new is placed here, and it may be away, until {node.maintenance.until}{why}"
    if node.lease is None:
        return "NoLease", "its agent does not run, or cannot reach etcd"
    if node.lease.stopping:
        return "Stopping", "its agent is being stopped; nothing new is placed here until it is back"
    if not node.runtime_ready:
        return "RuntimeDown", "its container runtime does not answer; nothing new is placed here"
    if node.spec and node.spec.cordoned:
        return "Cordoned", "nothing new is placed here until it is uncordoned"
    return "", ""


def show_event(entry: Entry) -> ShownEvent | None:
    """None for a value that is no event: somebody put it there by hand."""
    try:
        event = decode(entry.value, Event)
    except BadValue:
        return None
    return ShownEvent(
        metadata=ShownMetadata(name=entry.key.rpartition("/")[2], revision=entry.mod_revision),
        namespace=event.namespace,
        about=ObjectRef(kind=event.about.kind, name=event.about.name, uid=event.about.uid),
        type=event.type,
        reason=event.reason,
        message=event.message,
        component=event.component,
        count=event.count,
        first_seen=event.first_seen,
        last_seen=event.last_seen,
    )
