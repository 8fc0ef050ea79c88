"""The objects, as frozen structs. Import them from here."""

from taskyard.objects.assignment import Assignment
from taskyard.objects.base import API_VERSION, Metadata, ObjectRef, Owner, Wire
from taskyard.objects.checks import Check, Checks, Hook, Hooks, HttpCheck, TcpCheck
from taskyard.objects.codec import BadValue, decode, encode, spec_hash
from taskyard.objects.config import Config, ConfigSpec
from taskyard.objects.container import Dns, EnvSource, InitTask, Io, Limits, Logs, Network, Process, Security, Ulimit
from taskyard.objects.cron import Cron, CronHistory, CronRun, CronSpec, JobTemplate
from taskyard.objects.dependency import Dependencies, Dependency
from taskyard.objects.event import Event
from taskyard.objects.job import JOB_LABELS, Job, JobSpec, Parameters, Retry, RetryBackoff, RetryExitCodes, Success
from taskyard.objects.job_run import Again, JobPhase, JobRun, Result
from taskyard.objects.kinds import OBJECT_TYPES, AnyObject, decode_object, key_of
from taskyard.objects.move import Move
from taskyard.objects.namespace import Namespace, NamespaceSpec, Quota
from taskyard.objects.node import Amounts, NodeAnchor, NodeLease, NodeSpec, NodeStats, Taint, TaskUsage, pressure_taints
from taskyard.objects.rollout import Phase, Revision, Rollout
from taskyard.objects.secret import Secret, SecretSpec
from taskyard.objects.service import Canary, Service, ServiceSpec, TaskTemplate, TemplateMetadata, Update
from taskyard.objects.status import HostPort, LastExit, TaskState, TaskStatus
from taskyard.objects.task import (
    NODE_NAME,
    Affinity,
    Backoff,
    Binding,
    Constraint,
    ExitCodes,
    Gang,
    HealthCheck,
    OnNodeLoss,
    Port,
    Resources,
    Restart,
    Spread,
    Stop,
    Task,
    TaskSpec,
    Toleration,
    Volume,
)
from taskyard.objects.volume import NamedVolume, NamedVolumeSpec
from taskyard.prepare import prepare

prepare(
    Assignment,
    CronRun,
    Dependencies,
    Event,
    JobRun,
    Move,
    NodeAnchor,
    NodeLease,
    NodeSpec,
    NodeStats,
    Result,
    Rollout,
    TaskStatus,
)
prepare(*OBJECT_TYPES.values())

__all__ = [
    "API_VERSION",
    "JOB_LABELS",
    "NODE_NAME",
    "OBJECT_TYPES",
    "Affinity",
    "Again",
    "Amounts",
    "AnyObject",
    "Assignment",
    "Backoff",
    "BadValue",
    "Binding",
    "Canary",
    "Check",
    "Checks",
    "Config",
    "ConfigSpec",
    "Constraint",
    "Cron",
    "CronHistory",
    "CronRun",
    "CronSpec",
    "Dependencies",
    "Dependency",
    "Dns",
    "EnvSource",
    "Event",
    "ExitCodes",
    "Gang",
    "HealthCheck",
    "Hook",
    "Hooks",
    "HostPort",
    "HttpCheck",
    "InitTask",
    "Io",
    "Job",
    "JobPhase",
    "JobRun",
    "JobSpec",
    "JobTemplate",
    "LastExit",
    "Limits",
    "Logs",
    "Metadata",
    "Move",
    "NamedVolume",
    "NamedVolumeSpec",
    "Namespace",
    "NamespaceSpec",
    "Network",
    "NodeAnchor",
    "NodeLease",
    "NodeSpec",
    "NodeStats",
    "ObjectRef",
    "OnNodeLoss",
    "Owner",
    "Parameters",
    "Phase",
    "Port",
    "Process",
    "Quota",
    "Resources",
    "Restart",
    "Result",
    "Retry",
    "RetryBackoff",
    "RetryExitCodes",
    "Revision",
    "Rollout",
    "Secret",
    "SecretSpec",
    "Security",
    "Service",
    "ServiceSpec",
    "Spread",
    "Stop",
    "Success",
    "Taint",
    "Task",
    "TaskSpec",
    "TaskState",
    "TaskStatus",
    "TaskTemplate",
    "TaskUsage",
    "TcpCheck",
    "TemplateMetadata",
    "Toleration",
    "Ulimit",
    "Update",
    "Volume",
    "Wire",
    "decode",
    "decode_object",
    "encode",
    "key_of",
    "pressure_taints",
    "spec_hash",
]
