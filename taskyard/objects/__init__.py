"""The objects, as frozen structs. Import them from here."""

from taskyard.objects.assignment import Assignment
from taskyard.objects.base import API_VERSION, Metadata, ObjectRef, Wire
from taskyard.objects.codec import BadValue, decode, encode, spec_hash
from taskyard.objects.container import Dns, EnvSource, Io, Limits, Logs, Network, Process, Security, Ulimit
from taskyard.objects.event import Event
from taskyard.objects.node import Amounts, NodeAnchor, NodeLease, NodeSpec, NodeStats, Taint, TaskUsage
from taskyard.objects.status import HostPort, LastExit, TaskState, TaskStatus
from taskyard.objects.task import (
    Backoff,
    Binding,
    HealthCheck,
    OnNodeLoss,
    Port,
    Resources,
    Restart,
    Stop,
    Task,
    TaskSpec,
    Volume,
)
from taskyard.prepare import prepare

prepare(Assignment, Event, NodeAnchor, NodeLease, NodeSpec, NodeStats, Task, TaskStatus)

__all__ = [
    "API_VERSION",
    "Amounts",
    "Assignment",
    "Backoff",
    "BadValue",
    "Binding",
    "Dns",
    "EnvSource",
    "Event",
    "HealthCheck",
    "HostPort",
    "Io",
    "LastExit",
    "Limits",
    "Logs",
    "Metadata",
    "Network",
    "NodeAnchor",
    "NodeLease",
    "NodeSpec",
    "NodeStats",
    "ObjectRef",
    "OnNodeLoss",
    "Port",
    "Process",
    "Resources",
    "Restart",
    "Security",
    "Stop",
    "Taint",
    "Task",
    "TaskSpec",
    "TaskState",
    "TaskStatus",
    "TaskUsage",
    "Ulimit",
    "Volume",
    "Wire",
    "decode",
    "encode",
    "spec_hash",
]
