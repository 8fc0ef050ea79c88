"""Cron: makes a job from a template each time that its schedule is due."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version
from taskyard.objects.job import JobSpec
from taskyard.objects.service import TemplateMetadata
from taskyard.quantity import Duration

CRON, SCHEDULED_AT = "taskyard/cron", "taskyard/scheduled-at"
"""Label and annotation of each job."""


class JobTemplate(Wire, frozen=True, kw_only=True):
    """What each job is made of."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: JobSpec


class CronHistory(Wire, frozen=True, kw_only=True):
    """Jobs that have finished, and are kept: the newest."""

    succeeded: int = 3
    failed: int = 1


class CronSpec(Wire, frozen=True, kw_only=True):
    schedule: str
    time_zone: str = "UTC"
    starting_deadline: Duration | None = None
    overlap: Literal["allow", "forbid", "replace"] = "allow"
    suspend: bool = False
    history: CronHistory = CronHistory()
    template: JobTemplate


def _kind() -> Literal["Cron"]:
    return "Cron"


class Cron(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/crons/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Cron"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: CronSpec


class CronRun(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/ticks/<namespace>/<cron>`, written by the cron controller alone, in one transaction
    with the job that it makes."""

    cron_uid: str
    last: str = ""
    """The latest time that was due and was seen to, one way or the other."""
    job: str = ""
    """Made last."""
    made: int = 0
    skipped: int = 0
    message: str = ""
    """Why the last one that was skipped was."""
