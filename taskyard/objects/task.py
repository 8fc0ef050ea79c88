"""Task: one container on one node, the unit of scheduling. Its spec is what a user may write.

Quantities stay as written here (`"512Mi"`); `taskyard.quantity` turns them into numbers. The JSON Schema in
`schemas/` is the authority on what is valid; these structs only have the shape.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version
from taskyard.objects.checks import Checks, Hooks
from taskyard.objects.container import EnvSource, InitTask, Limits, Logs, Network, Process, Security, Sidecar
from taskyard.objects.dependency import Dependency
from taskyard.objects.metric import Metric
from taskyard.quantity import Cpu, Duration, Size


class Port(Wire, frozen=True, kw_only=True):
    """A container's port. `host` absent: not published; `auto`: the runtime picks one; a number: that one."""

    container: int
    host: int | Literal["auto"] | None = None
    address: str = ""
    """Of the node, where it is published; empty: all."""
    protocol: Literal["tcp", "udp"] = "tcp"
    name: str = ""


class Volume(Wire, frozen=True, kw_only=True):
    """`volume`: a named volume on the node; `tmpfs`: memory, gone with the container; `host`: a path of the node;
    `secret`, `config`: a file for each value of the one that `name` names."""

    target: str
    type: Literal["volume", "tmpfs", "host", "secret", "config"] = "volume"
    name: str = ""
    size: Size | None = None
    path: str = ""
    on_delete: Literal["keep", "remove"] = "keep"
    """Of a named volume that this task made."""
    pinned: bool = True
    """A named volume: the task goes where its data is."""
    read_only: bool = False
    mode: str = "0444"
    """Of the files of a Secret or Config, in octal digits; `owner`: user, or user:group, in numbers."""
    owner: str = "0"
    on_change: Literal["update", "restart"] = "update"
    """What becomes of the files when the Secret or Config changes, and of the task."""


class Resources(Wire, frozen=True, kw_only=True):
    """What the scheduler sets aside for the task, and what it may use unless `limits` say otherwise."""

    cpu: Cpu | None = None
    memory: Size | None = None
    disk: Size | None = None
    generic: dict[str, int] = {}
    """Of what nodes offer by `taskyard agent --resource NAME=COUNT`."""


class Backoff(Wire, frozen=True, kw_only=True):
    """The wait before restart n is min(initial * 2^(n-1), max), less up to `jitter` of it; a run of `reset` forgets
    what came before."""

    initial: Duration = "1s"
    max: Duration = "5m"
    reset: Duration = "10m"
    jitter: float = 0.1


class ExitCodes(Wire, frozen=True, kw_only=True):
    """They decide before the policy does."""

    never: list[int] = []
    always: list[int] = []


class Restart(Wire, frozen=True, kw_only=True):
    policy: Literal["always", "on-failure", "never"] = "always"
    max_restarts: int | None = None
    elsewhere_after: int | None = None
    """After so many failures in a row on one node another is tried."""
    exit_codes: ExitCodes = ExitCodes()
    backoff: Backoff = Backoff()


class Stop(Wire, frozen=True, kw_only=True):
    signal: str = "SIGTERM"
    grace_period: Duration = "10s"
    delay: Duration = "0s"
    """Between its leaving the endpoints and the signal."""


class OnNodeLoss(Wire, frozen=True, kw_only=True):
    """`reschedule`: placed on another node `after` its own was found lost; `stay`: it waits for its node. `on_return`:
    what becomes of one that was placed elsewhere when the node is back."""

    policy: Literal["reschedule", "stay"] = "reschedule"
    after: Duration = "0s"
    on_return: Literal["keep-newest", "keep-original", "best-score"] = "keep-newest"


class HealthCheck(Wire, frozen=True, kw_only=True):
    """Run inside the container by the runtime; `retries` failures in a row make the task unhealthy."""

    command: list[str]
    interval: Duration = "10s"
    timeout: Duration = "5s"
    retries: int = 3
    start_period: Duration = "0s"


NODE_NAME = "node.name"
"""The attribute that is different on each node: as a topology key, each node is a domain of its own."""


class Constraint(Wire, frozen=True, kw_only=True):
    """A comparison of a node's label or attribute. `weight` absent: it has to hold."""

    key: str
    operator: Literal["=", "!=", "in", "not in", "exists", "does not exist", "<", ">", "version", "regexp"] = "="
    value: str = ""
    values: list[str] = []
    weight: int | None = None


class Toleration(Wire, frozen=True, kw_only=True):
    """Taints that do not keep the task away: empty `key`, any key; empty `effect`, any effect."""

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: int | None = None
    """Of a taint NoExecute: so long after it was put on the node the task goes all the same."""


class Affinity(Wire, frozen=True, kw_only=True):
    """Tasks near which, or away from which, it goes. `selector` empty: those with its own labels."""

    selector: dict[str, str] = {}
    topology_key: str = NODE_NAME
    weight: int | None = None


class Spread(Wire, frozen=True, kw_only=True):
    """Over the values of a node's label, evenly up to `max_skew`. `selector` empty: tasks with its own labels."""

    topology_key: str
    max_skew: int = 1
    selector: dict[str, str] = {}
    weight: int | None = None


class Gang(Wire, frozen=True, kw_only=True):
    """Tasks of one namespace with the same name here are placed together, `size` of them, or not at all."""

    name: str
    size: int


class TaskSpec(Wire, frozen=True, kw_only=True):
    image: str
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secret: str = ""
    """A Secret with a login for the image's registry: see `nodeagent.logins`."""
    command: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}
    env_from: dict[str, EnvSource] = {}
    workdir: str = ""
    user: str = ""
    ports: list[Port] = []
    volumes: list[Volume] = []
    process: Process = Process()
    network: Network = Network()
    security: Security = Security()
    limits: Limits = Limits()
    logs: Logs = Logs()
    resources: Resources = Resources()
    restart: Restart = Restart()
    stop: Stop = Stop()
    on_node_loss: OnNodeLoss = OnNodeLoss()
    singleton: bool = False
    """At most one copy runs at any time: see `nodeagent.guard`."""
    run_once: bool = False
    """It is given a node once, and is not run again, whatever becomes of it there."""
    node_selector: dict[str, str] = {}
    constraints: list[Constraint] = []
    tolerations: list[Toleration] = []
    affinity: list[Affinity] = []
    anti_affinity: list[Affinity] = []
    spread: list[Spread] = []
    max_per_node: int | None = None
    strategy: Literal["", "spread", "binpack"] = ""
    """Empty: the cluster's."""
    checks: Checks = Checks()
    metrics: list[Metric] = []
    hooks: Hooks = Hooks()
    gang: Gang | None = None
    min_available: int = 0
    """So many tasks with its labels are left when some are stopped to make room."""
    health_check: HealthCheck | None = None
    depends_on: list[Dependency] = []
    """What it waits for before it is given its first node."""
    priority: int = 0
    ttl_after_finish: Duration | None = None
    """So long after it has ended for good it is deleted; absent: as its namespace says."""
    container_labels: dict[str, str] = {}
    init: list[InitTask] = []
    """Each has to succeed before the next, and the last before the task itself."""
    sidecars: list[Sidecar] = []
    """What runs beside it."""


class Binding(Wire, frozen=True, kw_only=True):
    """The scheduler's decision, for one spec: once `spec_hash` is not the spec's any more, a new binding is due."""

    node: str
    epoch: int
    spec_hash: str
    bound_at: str = ""
    avoid: list[str] = []
    """Nodes that it kept failing on, the longest ago first."""
    lost_from: str = ""
    """The node that it was on before that was lost; of several losses in a row, the first."""


def _kind() -> Literal["Task"]:
    return "Task"


class Task(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/tasks/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Task"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: TaskSpec
    binding: Binding | None = None
