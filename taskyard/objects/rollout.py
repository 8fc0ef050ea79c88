"""Rollout: which templates a service had, and how far its tasks are with the one they are to have."""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from taskyard.objects.base import Wire
from taskyard.objects.service import TaskTemplate


class Phase(StrEnum):
    PROGRESSING = "Progressing"
    AWAITING_PROMOTION = "AwaitingPromotion"
    """The canaries have it and are available; the other tasks wait until it is promoted."""
    COMPLETE = "Complete"
    FAILED = "Failed"
    """It is left as it is until somebody changes the service or resumes the rollout."""
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"

    @property
    def under_way(self) -> bool:
        """Tasks are brought to another template, or are about to be."""
        return self in (Phase.PROGRESSING, Phase.AWAITING_PROMOTION, Phase.ROLLING_BACK)


class Revision(Wire, frozen=True, kw_only=True):
    """`number` only rises. A template that comes back gets a new one, and is kept once."""

    number: int
    hash: str
    template: TaskTemplate
    at: str
    by: str = ""
    """The annotation `taskyard/changed-by`, else the source that declares the service."""
    why: str = ""
    """The annotation `taskyard/change-cause`."""
    digest: str = ""
    """What the template's image stood for when the first of its tasks ran. Empty: none has yet, or it has no digest."""

    @property
    def pinned(self) -> TaskTemplate:
        """What tasks are made of, whatever the image's tag stands for by now."""
        spec = self.template.spec
        if not self.digest or "@" in spec.image:
            return self.template
        return replace(self.template, spec=replace(spec, image=f"{spec.image}@{self.digest}"))


class Scale(Wire, frozen=True, kw_only=True):
    """How many tasks an autoscaled service is to have, by its autoscaler's last decision, and why."""

    replicas: int
    at: str
    why: str = ""


class Rollout(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/rollouts/<namespace>/<service>`, written by the service controller alone."""

    service_uid: str
    revisions: list[Revision]
    """Oldest first; the last is what the service declares."""
    target: int
    """The number of the revision that tasks are to have: the last one, unless that was rolled back."""
    stable: int = 0
    """The last one that all tasks had; 0: none yet."""
    phase: Phase = Phase.PROGRESSING
    message: str = ""
    """Of a failure: what went wrong."""
    promoted: int = 0
    """The number of the last revision that was let beyond its canaries; never taken back."""
    replicas: int | None = None
    """As the service declared them last while it was not autoscaled; of a new one that is, what it begins with."""
    scale: Scale | None = None
    """Of an autoscaled service."""
    resumed: str = ""
    """The annotation `taskyard/resumed-at` that was heeded last."""
    retried_at: str = ""
    """When a failed rollout was resumed last: tasks from before that have failed are made anew, and fail no rollout."""

    def revision(self, number: int) -> Revision:
        """The one that is kept under this number; KeyError for any other."""
        for each in self.revisions:
            if each.number == number:
                return each
        raise KeyError(number)

    @property
    def template(self) -> TaskTemplate:
        """What tasks are to be made of."""
        return self.revision(self.target).template
