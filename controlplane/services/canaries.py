"""Canaries: how many of a service's tasks may have the template that is rolled out, until it is promoted. Pure."""

from __future__ import annotations

from taskyard.annotations import PROMOTED_REVISION
from taskyard.objects import Phase, Rollout, Service


def canaries_of(service: Service, rollout: Rollout, slots: int) -> int | None:
    """Of `slots` tasks; None where all may have it. There has to be something to fall back on: not the first template,
    and not one that all tasks had before."""
    canary = service.spec.update.canary
    if canary is None or rollout.phase not in (Phase.PROGRESSING, Phase.AWAITING_PROMOTION):
        return None
    if rollout.stable in (0, rollout.target) or rollout.promoted == rollout.target:
        return None
    if rollout.revision(rollout.stable).hash == rollout.revision(rollout.target).hash:
        return None
    return canary.of(slots)


def asked_for(service: Service, rollout: Rollout) -> bool:
    """Somebody promotes this very revision."""
    return service.metadata.annotations.get(PROMOTED_REVISION) == str(rollout.target)
