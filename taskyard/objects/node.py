"""Node: what an operator says about it, what its agent says while it lives, and what it measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version


class Taint(Wire, frozen=True, kw_only=True):
    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


ConditionType = Literal["ClockSkew", "DiskPressure", "MemoryPressure", "PidPressure", "RuntimeDown"]

CONDITION_TAINTS: Mapping[ConditionType, Taint] = {
    "ClockSkew": Taint(key="taskyard/clock-skew", effect="PreferNoSchedule"),
    "DiskPressure": Taint(key="taskyard/disk-pressure"),
    "MemoryPressure": Taint(key="taskyard/memory-pressure"),
    "PidPressure": Taint(key="taskyard/pid-pressure"),
    "RuntimeDown": Taint(key="taskyard/runtime-down"),
}
"""What each condition of a node amounts to, for placement and for eviction: docs/decisions/0039."""


class NodeCondition(Wire, frozen=True, kw_only=True):
    """Something that is wrong with a node, as its agent sees it. One that does not hold is not there."""

    type: ConditionType
    since: str
    """On the agent's own clock."""
    message: str = ""
    """As it was when it began: it does not follow each measurement."""


class Maintenance(Wire, frozen=True, kw_only=True):
    """Somebody works on the node: it is empty as long as this is there, and may be away."""

    until: str
    """RFC 3339. The leading control plane takes it away then."""
    reason: str = ""


class Drain(Wire, frozen=True, kw_only=True):
    """The node is to be empty as long as this is there."""

    deadline: str = ""
    """RFC 3339. What is still there then is stopped, whatever budgets say; empty: it takes as long as it takes."""
    force: bool = False
    """Then what is to run once is stopped, too, and counts as cut short."""


MAINTENANCE_TAINT = Taint(key="taskyard/maintenance", effect="NoExecute")
"""What maintenance amounts to, for placement and for eviction."""


DRAIN_TAINT = Taint(key="taskyard/drain", effect="NoExecute")
"""What a drain amounts to, whether an operator asks for it or the agent itself."""


def _kind() -> Literal["Node"]:
    return "Node"


class NodeSpec(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/spec`: the operator's word, through the API. Absent: all defaults."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Node"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    labels: dict[str, str] = {}
    """Added to, and stronger than, the labels that the agent reports."""
    taints: list[Taint] = []
    cordoned: bool = False
    drain: Drain | None = None
    maintenance: Maintenance | None = None


NODE_BODY = ("labels", "taints", "cordoned", "drain", "maintenance")
"""What a manifest has in its spec, and a stored NodeSpec beside the metadata."""


class Amounts(Wire, frozen=True, kw_only=True):
    """Millicores of CPU, bytes of memory, bytes of disk, and whole numbers of anything else, by its name."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    generic: dict[str, int] = {}


LONGEST_LEASE = 3600.0
"""Seconds."""


class NodeLease(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/lease`, under the agent's lease: while it is there, the node is ready."""

    incarnation: str
    """New at each start of the agent."""
    host_id: str
    """The same across restarts of the agent on one host: lets it take over its own unexpired lease."""
    address: str
    """`host:port` of the agent's HTTP API (logs)."""
    token: str = ""
    """What the control plane presents to that API; never shown by the REST facade."""
    capacity: Amounts
    labels: dict[str, str] = {}
    """From the agent's command line, plus `taskyard/hostname`, `taskyard/os`, `taskyard/arch`."""
    runtime: str = ""
    """`docker 20.10.24`"""
    version: str = ""
    registered_at: str = ""
    ttl: float = 10.0
    """Seconds that the lease lives after its last renewal."""
    images: list[str] = []
    """Some of those that it has, as tasks name them; bounded by the agent."""
    conditions: list[NodeCondition] = []
    """In order of their types."""
    draining: bool = False
    """Its agent is to end once nothing runs here any more: what does is to go elsewhere."""
    stopping: bool = False
    """Its agent is being stopped, and leaves the lease to expire: one that is back before keeps all tasks."""

    def suffers(self, condition: ConditionType) -> bool:
        return any(each.type == condition for each in self.conditions)


class NodeAnchor(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/anchor`: a count that only grows, and that the agent on that host remembers too."""

    host_id: str
    count: int


class TaskUsage(Wire, frozen=True, kw_only=True):
    cpu_millis: int = 0
    memory_bytes: int = 0
    net_rx_bytes: int = 0
    net_tx_bytes: int = 0
    disk_bytes: int = 0
    """Of what it wrote to its own file system and to its log; volumes are not counted."""
    metrics: dict[str, float] = {}
    """What it told of itself, by the names in its spec."""
    unread: dict[str, str] = {}
    """Of those that are not known, why."""


class NodeStats(Wire, frozen=True, kw_only=True):
    """The value of `nodes/<node>/stats`, under the agent's lease. Usage over the last interval."""

    at: str
    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    load: list[float] = []
    """1, 5 and 15 minutes."""
    tasks: dict[str, TaskUsage] = {}
    """By task uid."""
