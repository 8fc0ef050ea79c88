"""Which tasks are available, since when, and until when they were: by the store's history.

A controller hears late, and takes for available what was so a moment ago; so there are two questions, whether a task
may have passed for available, and whether it must have.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.mirror import Mirror
from taskyard.objects import Task, TaskState, spec_hash

NEWS = 15.0
"""Seconds: a leader that is frozen, or hears late, decides on what was so before, until its lease is over."""


@dataclass(slots=True)
class _Known:
    spec: str
    """The hash of the spec that it was ready with."""
    since: float
    seen_since: float
    """The same for somebody who has not heard of a short break."""
    until: float | None
    """None: it is ready now."""


class Availability:
    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def note(self, mirror: Mirror, uid: str, now: float) -> None:
        """Something of it may have changed."""
        task, known = mirror.of_uid(uid), self._known.get(uid)
        if task is not None and is_ready(mirror, task):
            spec = mirror.spec_hash(task)
            if known is None or known.spec != spec or (known.until is not None and known.until < now - NEWS):
                self._known[uid] = _Known(spec, now, now, None)
            elif known.until is not None:
                known.since, known.until = now, None
        elif known is not None and known.until is None:
            known.until = now

    def may_pass(self, task: Task, min_ready: float, now: float) -> bool:
        """Somebody may take it for available, with the spec that it has."""
        known = self._known.get(task.metadata.uid)
        if known is None or known.spec != spec_hash(task.spec):
            return False
        until = now if known.until is None else known.until
        return until > now - NEWS and until - known.seen_since >= min_ready

    def must_pass(self, task: Task, min_ready: float, now: float) -> bool:
        """Nobody who leads can take it for anything else."""
        known = self._known.get(task.metadata.uid)
        return known is not None and known.until is None and known.since <= now - NEWS - min_ready


def is_ready(mirror: Mirror, task: Task) -> bool:
    binding, uid = task.binding, task.metadata.uid
    if binding is None or task.metadata.deletion_timestamp or binding.spec_hash != mirror.spec_hash(task):
        return False
    if binding.node not in mirror.leases:
        return False
    held = mirror.assignments.get(binding.node, {}).get(uid)
    status = mirror.statuses.get(binding.node, {}).get(uid)
    if held is None or held.desired != "Running" or status is None or status.epoch < binding.epoch:
        return False
    if status.state is TaskState.RUNNING:
        return status.health in ("", "healthy") and (task.spec.checks.readiness is None or status.ready)
    return status.state is TaskState.COMPLETED
