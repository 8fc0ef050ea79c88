"""Namespace: a name that others are told apart by. Objects may be in one that nobody has declared."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version
from taskyard.objects.task import Toleration
from taskyard.quantity import Cpu, CpuLimit, Duration, Size


class Quota(Wire, frozen=True, kw_only=True):
    """What all tasks of the namespace that have a node may have set aside together. Absent: any amount."""

    cpu: Cpu | None = None
    memory: Size | None = None
    disk: Size | None = None
    tasks: int | None = None


class CpuRange(Wire, frozen=True, kw_only=True):
    """Both ends are allowed."""

    min: Cpu | None = None
    max: Cpu | None = None


class SizeRange(Wire, frozen=True, kw_only=True):
    """Both ends are allowed."""

    min: Size | None = None
    max: Size | None = None


Range = CpuRange | SizeRange


class TaskLimits(Wire, frozen=True, kw_only=True):
    """What each task of the namespace has to keep to. A resource that has a range has to be stated. The last three are
    what it may have beyond the security of all containers, where its node allows it, too."""

    cpu: CpuRange | None = None
    memory: SizeRange | None = None
    disk: SizeRange | None = None
    max_priority: int | None = None
    capabilities: list[str] | None = None
    """Besides the usual ones. None: those that no node has to allow."""
    host_network: bool = False
    host_paths: list[str] = []
    """Folders."""


class DefaultResources(Wire, frozen=True, kw_only=True):
    cpu: Cpu | None = None
    memory: Size | None = None
    disk: Size | None = None


class DefaultLimits(Wire, frozen=True, kw_only=True):
    cpu: CpuLimit | None = None
    memory: Size | None = None


class TaskDefaults(Wire, frozen=True, kw_only=True):
    """What counts for each task of the namespace that does not say: see `controlplane.defaults`."""

    resources: DefaultResources = DefaultResources()
    limits: DefaultLimits = DefaultLimits()
    pull_secret: str = ""
    node_selector: dict[str, str] = {}
    tolerations: list[Toleration] = []


class NamespaceSpec(Wire, frozen=True, kw_only=True):
    quota: Quota = Quota()
    limits: TaskLimits = TaskLimits()
    """They bind what is applied, and what has no node yet."""
    defaults: TaskDefaults = TaskDefaults()
    """They are filled in where specs enter; what is stored stays as it is."""
    weight: int = 1
    """Its part of the cluster while tasks of several namespaces wait, next to theirs."""
    ttl_after_finish: Duration | None = None
    """So long after they have ended, tasks and jobs are deleted that say nothing themselves; absent: as the control
    plane was told."""
    keep_finished: int | None = None
    """Of those as many as are kept, the newest; absent: likewise."""


def _kind() -> Literal["Namespace"]:
    return "Namespace"


class Namespace(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/namespaces/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Namespace"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: NamespaceSpec = NamespaceSpec()
