"""What the garbage collector may delete in a simulation, and when: rules of the checker's own."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.garbage import Keep
from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard.objects import Job, JobRun, Task, TaskStatus, spec_hash
from taskyard.quantity import seconds

KEEP = Keep(seconds=45.0, most=2, youngest=15.0)
_UNDER_WAY = 15.0
"""Seconds that a deletion takes, with all that hangs on it."""


class Garbage:
    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        """uid → when the store first showed it as ended, on the monotonic clock."""
        self._collected: dict[str, float] = {}
        """uid or name → when."""

    def note_status(self, status: TaskStatus, now: float) -> None:
        self._note(status.uid, ended=status.state.terminal, now=now)

    def note_run(self, run: JobRun, now: float) -> None:
        self._note(run.job_uid, ended=run.phase.finished, now=now)

    def restored(self, mirror: Mirror, now: float) -> None:
        """Who looks has to see it anew: it may be otherwise than before."""
        there = [status for here in mirror.statuses.values() for status in here.values()]
        self._ended = {status.uid: now for status in there if status.state.terminal}

    def check_task(self, old: Task, new: Task, mirror: Mirror, now: float) -> None:
        """It was asked to go."""
        name, uid, binding = old.metadata.name, old.metadata.uid, old.binding
        status = mirror.statuses.get(binding.node, {}).get(uid) if binding is not None else None
        over = binding is not None and binding.spec_hash == spec_hash(old.spec) and status is not None
        if binding is None or not over or status is None or status.epoch != binding.epoch or not status.state.terminal:
            raise Violation(f"{name} was collected, and has not ended", uid, name)
        if old.metadata.owner is not None or not new.metadata.deletion_timestamp:
            raise Violation(f"{name} was collected, and is somebody's", uid, name)
        ttl = old.spec.ttl_after_finish
        self._check_age(uid, name, KEEP.youngest if ttl is None else min(seconds(ttl), KEEP.youngest), now)
        self._collected |= {uid: now, name: now}

    def check_job(self, old: Job, run: JobRun | None, tasks: Iterable[Task], now: float) -> None:
        name, uid = old.metadata.name, old.metadata.uid
        if old.metadata.owner is not None or run is None or run.job_uid != uid or not run.phase.finished:
            raise Violation(f"job/{name} was collected, and has not ended, or is a cron's", uid, name)
        self._check_age(uid, name, KEEP.youngest, now)
        own = [task.metadata for task in tasks if task.metadata.owner is not None and task.metadata.owner.uid == uid]
        self._collected |= dict.fromkeys((uid, name, *(m.uid for m in own), *(m.name for m in own)), now)

    def under_way(self, ident: str, now: float) -> bool:
        """It is being deleted, by its uid, and for no longer than that takes."""
        return now - self._collected.get(ident, float("-inf")) <= _UNDER_WAY

    @property
    def collected(self) -> set[str]:
        return set(self._collected)

    def _note(self, uid: str, *, ended: bool, now: float) -> None:
        if ended:
            self._ended.setdefault(uid, now)
        else:
            self._ended.pop(uid, None)

    def _check_age(self, uid: str, name: str, least: float, now: float) -> None:
        age = now - self._ended.get(uid, now)
        if age < least:
            raise Violation(
                f"{name} was collected {age:.1f} s after it had ended, and stays for {least:g} s", uid, name
            )
