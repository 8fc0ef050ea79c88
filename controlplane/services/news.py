"""What people are told when a service's rollout is written: each thing that is new in it, in order. Pure."""

from __future__ import annotations

from typing import NamedTuple

from controlplane.services.digests import AGAIN
from taskyard.objects import Phase, Rollout


class News(NamedTuple):
    reason: str
    message: str
    warning: bool = False


def news(before: Rollout | None, after: Rollout) -> list[News]:
    """`before`: None, or another service's that had the name, for the first of a service."""
    if before is None or before.service_uid != after.service_uid:
        return [_phase(after)]
    found = []
    there, wanted = _count(before), _count(after)
    if there is not None and wanted is not None and there != wanted:
        counts = f"from {there} to {wanted} tasks"
        found.append(News("Autoscaled", f"{counts}: {after.scale.why}") if after.scale else News("Scaled", counts))
    if before.promoted != after.promoted:
        found.append(News("RolloutPromoted", f"revision {after.target} goes to all tasks"))
    elif before.target == after.target and AGAIN.get(before.phase) is after.phase:
        message = f"tasks of revision {after.target} run different images of one tag: all get the one it began with"
        found.append(News("ImagesDiffer", message, True))
    elif (before.target, before.phase) != (after.target, after.phase):
        found.append(_phase(after))
    return found


def _count(rollout: Rollout) -> int | None:
    return rollout.scale.replicas if rollout.scale is not None else rollout.replicas


def _phase(rollout: Rollout) -> News:
    match rollout.phase:
        case Phase.PROGRESSING:
            return News("RolloutStarted", f"revision {rollout.target} is rolled out")
        case Phase.AWAITING_PROMOTION:
            return News("CanariesAvailable", f"revision {rollout.target} waits to be promoted")
        case Phase.COMPLETE:
            return News("RolloutComplete", f"all tasks have revision {rollout.target}")
        case Phase.FAILED:
            return News("RolloutFailed", f"revision {rollout.target}: {rollout.message}", True)
        case Phase.ROLLING_BACK:
            return News("RollingBack", f"{rollout.message}; back to revision {rollout.target}", True)
        case Phase.ROLLED_BACK:
            message = f"all tasks have revision {rollout.target} again; {rollout.message}"
            return News("RolledBack", message, True)
