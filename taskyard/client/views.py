"""The answers of the REST facade, as far as a client looks into them; fields of a newer server are ignored.

Unlike the objects in taskyard/objects, which hold what is stored and refuse what they do not know, these are read only.
Every view is decoded from JSON that the caller keeps: what is printed with `-o json` is the server's own answer.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from taskyard.client.errors import Problem
from taskyard.prepare import prepare


class View(msgspec.Struct, frozen=True, rename="camel"):
    """Reads camelCase, ignores what it does not know."""


class OwnerView(View, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""


class MetadataView(View, frozen=True):
    name: str = ""
    namespace: str = "default"
    """Left out of the JSON when it is this one."""
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generation: int = 0
    created_at: str = ""
    deletion_timestamp: str = ""
    source: str = ""
    owner: OwnerView | None = None
    revision: int = 0


class PortView(View, frozen=True):
    container: int = 0
    host: int | str | None = None
    protocol: str = "tcp"
    name: str = ""
    address: str = ""


class LastExitView(View, frozen=True):
    attempt: int = 0
    exit_code: int | None = None
    reason: str = ""
    finished_at: str = ""


class SidecarView(View, frozen=True):
    name: str = ""
    state: str = ""
    message: str = ""
    restarts: int = 0


class StatusView(View, frozen=True):
    state: str = "Pending"
    reason: str = ""
    message: str = ""
    node: str = ""
    epoch: int = 0
    attempt: int = 0
    restarts: int = 0
    exit_code: int | None = None
    container_id: str = ""
    image_digest: str = ""
    ports: list[PortView] = []
    health: str = ""
    started_at: str = ""
    finished_at: str = ""
    next_attempt_at: str = ""
    last_exit: LastExitView | None = None
    sidecars: list[SidecarView] = []


class TaskSpecView(View, frozen=True):
    image: str = ""
    ports: list[PortView] = []


class TaskView(View, frozen=True):
    metadata: MetadataView = MetadataView()
    spec: TaskSpecView = TaskSpecView()
    status: StatusView = StatusView()


class ObjectView(View, frozen=True):
    """An object of any kind, as far as all have in common."""

    metadata: MetadataView = MetadataView()
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


class EndpointPortView(View, frozen=True):
    """`address` and `port`: where it is reached; `container`: what the program listens on."""

    address: str = ""
    port: int = 0
    container: int = 0
    name: str = ""
    protocol: str = "tcp"


class EndpointView(View, frozen=True):
    task: str
    node: str = ""
    revision: int = 0
    """The service's, of which the task is made; 0: none that is kept."""
    ports: tuple[EndpointPortView, ...] = ()


class EndpointsView(View, frozen=True):
    """Of a service, whose name, labels and annotations `metadata` has."""

    metadata: MetadataView = MetadataView()
    endpoints: tuple[EndpointView, ...] = ()


class TemplateView(View, frozen=True):
    spec: TaskSpecView = TaskSpecView()


class JobStatusView(View, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    completions: int = 1
    succeeded: int = 0
    failed: int = 0
    unknown: int = 0
    waiting: int = 0
    active: int = 0
    failures: int = 0
    started_at: str = ""
    finished_at: str = ""


class JobSpecView(View, frozen=True):
    completions: int = 1
    parallelism: int = 1
    suspend: bool = False
    template: TemplateView = TemplateView()


class JobView(View, frozen=True):
    metadata: MetadataView = MetadataView()
    spec: JobSpecView = JobSpecView()
    status: JobStatusView = JobStatusView()


class TaintView(View, frozen=True):
    key: str = ""
    value: str = ""
    effect: str = "NoSchedule"


class MaintenanceView(View, frozen=True):
    until: str = ""
    reason: str = ""


class DrainView(View, frozen=True):
    deadline: str = ""


class NodeSpecView(View, frozen=True):
    labels: dict[str, str] = {}
    taints: list[TaintView] = []
    cordoned: bool = False
    drain: DrainView | None = None
    maintenance: MaintenanceView | None = None


class AmountsView(View, frozen=True):
    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    generic: dict[str, int] = {}


class ConditionView(View, frozen=True):
    type: str = ""
    since: str = ""
    message: str = ""


class NodeStatusView(View, frozen=True):
    ready: bool = False
    reason: str = ""
    message: str = ""
    address: str = ""
    runtime: str = ""
    version: str = ""
    registered_at: str = ""
    labels: dict[str, str] = {}
    capacity: AmountsView = AmountsView()
    allocated: AmountsView = AmountsView()
    tasks: int = 0
    conditions: list[ConditionView] = []
    taints: list[TaintView] = []


class NodeView(View, frozen=True):
    metadata: MetadataView = MetadataView()
    spec: NodeSpecView = NodeSpecView()
    status: NodeStatusView = NodeStatusView()


class AboutView(View, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""


class EventView(View, frozen=True):
    metadata: MetadataView = MetadataView()
    namespace: str = ""
    about: AboutView = AboutView()
    type: str = "Normal"
    reason: str = ""
    message: str = ""
    component: str = ""
    count: int = 1
    first_seen: str = ""
    last_seen: str = ""


class Listed(View, frozen=True):
    """Any list; the items stay as sent until somebody decodes them."""

    metadata: MetadataView = MetadataView()
    items: list[msgspec.Raw] = []


class FieldChange(View, frozen=True):
    path: str
    old: Any = None
    new: Any = None


class ApplyResult(View, frozen=True):
    """What became of one document, or would have with a dry run."""

    kind: str
    name: str
    result: Literal["created", "configured", "unchanged"]
    namespace: str = ""
    changes: list[FieldChange] = []
    object: msgspec.Raw = msgspec.Raw(b"null")


class ApplyAnswer(View, frozen=True):
    results: list[ApplyResult]
    revision: int = 0


class RemovalResult(View, frozen=True):
    """What became of one object that was to go; `problem` says why it was refused."""

    kind: str
    name: str
    result: Literal["deleted", "deleting", "refused"]
    namespace: str = ""
    uid: str = ""
    problem: Problem | None = None


class RemovalAnswer(View, frozen=True):
    results: list[RemovalResult]
    revision: int = 0


class WatchLine(View, frozen=True):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    revision: int = 0
    object: msgspec.Raw = msgspec.Raw(b"null")


class NodeUsage(View, frozen=True):
    name: str = ""
    at: str = ""
    usage: AmountsView = AmountsView()
    capacity: AmountsView = AmountsView()
    load: list[float] = []


class TaskUsageView(View, frozen=True):
    namespace: str = ""
    name: str = ""
    node: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    net_rx_bytes: int = 0
    net_tx_bytes: int = 0
    disk_bytes: int = 0


class StatsView(View, frozen=True):
    nodes: list[NodeUsage] = []
    tasks: list[TaskUsageView] = []


class SampleView(View, frozen=True):
    """What was used over the interval that ended at `at`."""

    at: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    net_rx_bytes: int = 0
    net_tx_bytes: int = 0


class HistoryView(View, frozen=True):
    """Oldest first."""

    samples: list[SampleView] = []


class FileView(View, frozen=True):
    """What a path in a container is. `mode` is Go's os.FileMode."""

    name: str = ""
    size: int = 0
    mode: int = 0
    link_target: str = ""


class VersionView(View, frozen=True):
    version: str = ""


prepare(TaskView, ObjectView, NodeView, EventView, Listed, ApplyAnswer)
prepare(WatchLine, StatsView, FileView, HistoryView, VersionView)
