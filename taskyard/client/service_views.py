"""Answers about services, as far as the client reads them: see `views`."""

from __future__ import annotations

from typing import Any

import msgspec

from taskyard.client.views import MetadataView, TemplateView, View
from taskyard.prepare import prepare

_SHORT_DIGEST = len("sha256:") + 12


class MetricView(View, frozen=True):
    name: str
    value: float | None = None
    target: float = 0
    tasks: int = 0
    unit: str = "%"


class AutoscaleStatusView(View, frozen=True):
    """`replicas`: as decided last, `why`; `recommended`: by the metrics of now, as `message` says."""

    replicas: int = 0
    recommended: int = 0
    message: str = ""
    metrics: tuple[MetricView, ...] = ()
    decided_at: str = ""
    why: str = ""


class RolloutStatusView(View, frozen=True):
    """Of a service."""

    phase: str = ""
    message: str = ""
    revision: int = 0
    latest: int = 0
    wanted: int = 0
    tasks: int = 0
    updated: int = 0
    ready: int = 0
    failing: int = 0
    autoscale: AutoscaleStatusView | None = None
    """None: it is not autoscaled, or its controller has not seen it."""


class AutoscaleView(View, frozen=True):
    min: int = 1
    max: int = 1


class CanaryView(View, frozen=True):
    promote_after: str | float | None = None


class UpdateView(View, frozen=True):
    canary: CanaryView = CanaryView()


class ServiceSpecView(View, frozen=True):
    mode: str = "replicated"
    replicas: int = 1
    paused: bool = False
    template: TemplateView = TemplateView()
    update: UpdateView = UpdateView()
    autoscale: AutoscaleView = AutoscaleView()


class ServiceView(View, frozen=True):
    metadata: MetadataView = MetadataView()
    spec: ServiceSpecView = ServiceSpecView()
    status: RolloutStatusView = RolloutStatusView()


class RevisionView(View, frozen=True):
    number: int
    at: str = ""
    by: str = ""
    why: str = ""
    digest: str = ""
    template: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def image(self) -> str:
        """With the beginning of what its tag stands for, where that is known."""
        image = str(self.template.get("spec", {}).get("image", ""))
        return f"{image}@{self.digest[:_SHORT_DIGEST]}" if self.digest and "@" not in image else image


class RevisionsView(View, frozen=True):
    revision: int = 0
    stable: int = 0
    canary: bool = False
    revisions: tuple[RevisionView, ...] = ()
    message: str = ""


prepare(ServiceView, RevisionsView)
