"""Service: keeps a number of tasks, or one on each node, running from a template, and changes them a few at a time."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version
from taskyard.objects.metric import MetricTarget
from taskyard.objects.task import TaskSpec
from taskyard.quantity import Duration

SERVICE, SLOT = "taskyard/service", "taskyard/slot"
"""Labels of each task."""


class TemplateMetadata(Wire, frozen=True, kw_only=True):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class TaskTemplate(Wire, frozen=True, kw_only=True):
    """What each task is made of."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: TaskSpec


class Canary(Wire, frozen=True, kw_only=True):
    """Which share of the tasks gets another template first; the rest wait until it is promoted."""

    tasks: int | None = None
    percent: int | None = None
    """Of the tasks, rounded up. Neither: one task."""
    promote_after: Duration | None = None
    """Once they have been available for so long it is promoted by itself; None: only by somebody's word."""

    def of(self, count: int) -> int:
        """How many of `count` tasks."""
        if self.percent is not None:
            return -(-count * self.percent // 100)
        return min(self.tasks or 1, count)


class Update(Wire, frozen=True, kw_only=True):
    """How tasks are brought to another template. `max_unavailable` and `max_surge` absent: as `order` has it."""

    order: Literal["stop-first", "start-first"] = "stop-first"
    parallelism: int = 1
    max_unavailable: int | None = None
    max_surge: int | None = None
    min_ready: Duration = "0s"
    """A task counts as available once it has been ready for so long."""
    delay: Duration = "0s"
    """How long one that is available keeps its place among those that are updated."""
    progress_deadline: Duration = "10m"
    on_failure: Literal["pause", "continue", "rollback"] = "pause"
    canary: Canary | None = None
    follow_data: bool = False
    """A change of a Secret or Config that the template names is rolled out like a change of the template."""

    @property
    def unavailable(self) -> int:
        """How many of the replicas may be missing at any time while tasks are updated."""
        if self.max_unavailable is not None:
            return self.max_unavailable
        return self.parallelism if self.order == "stop-first" else 0

    @property
    def surge(self) -> int:
        """How many tasks may be there beyond the replicas while tasks are updated."""
        if self.max_surge is not None:
            return self.max_surge
        return self.parallelism if self.order == "start-first" else 0


class Stabilization(Wire, frozen=True, kw_only=True):
    """How long another number of tasks has to be recommended before there are so many."""

    up: Duration = "0s"
    down: Duration = "5m"


class Autoscale(Wire, frozen=True, kw_only=True):
    """How many tasks there are, by what they use. `cpu`, `memory`: percent of what each has set aside, on average.
    `metrics`: of what they tell of themselves."""

    min: int = 1
    max: int
    cpu: int | None = None
    memory: int | None = None
    metrics: list[MetricTarget] = []
    stabilization: Stabilization = Stabilization()


class ServiceSpec(Wire, frozen=True, kw_only=True):
    mode: Literal["replicated", "per-node"] = "replicated"
    replicas: int = 1
    """Of a replicated service; of one that is autoscaled, how many it begins with."""
    autoscale: Autoscale | None = None
    paused: bool = False
    """Another template is not rolled out; the number of tasks is still kept."""
    template: TaskTemplate
    update: Update = Update()
    history: int = 10
    """Revisions that are kept."""


def _kind() -> Literal["Service"]:
    return "Service"


class Service(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/services/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Service"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: ServiceSpec
