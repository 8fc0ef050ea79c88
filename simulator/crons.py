"""Crons in a simulation: each of their times is due in the first minutes, while much goes wrong, and makes one job."""

from __future__ import annotations

from simulator.story import Violation
from taskyard.clock import parse_timestamp
from taskyard.keys import ObjectKey
from taskyard.objects import Cron, Job
from taskyard.objects.cron import SCHEDULED_AT
from taskyard.store.api import KeyEvent


class Crons:
    """All that was made for each."""

    def __init__(self) -> None:
        self._made: set[tuple[str, str]] = set()
        """The cron's uid and the time."""

    def check_made(self, event: KeyEvent, key: ObjectKey, job: Job, who: str, crons: dict[ObjectKey, Cron]) -> None:
        """A job that no user applied was made for a cron that is there, and for one of its times alone."""
        owner, time = job.metadata.owner, job.metadata.annotations.get(SCHEDULED_AT, "")
        cron = crons.get(ObjectKey("Cron", key.namespace, owner.name)) if owner is not None else None
        if cron is None or owner is None or cron.metadata.uid != owner.uid or cron.metadata.deletion_timestamp:
            raise Violation(f"{who} made {key.label} for a cron that is not there, or is being deleted", key.name)
        if (owner.uid, time) in self._made:
            raise Violation(f"{who} made {key.label} for {time}, and there was one before", key.name, owner.name)
        if parse_timestamp(job.metadata.created_at) < parse_timestamp(time):
            raise Violation(f"{who} made {key.label} at revision {event.revision}, before {time}", key.name)
        self._made.add((owner.uid, time))
