"""The task controller's loop: which uids to look at, what is known of each, and the commits that `decide` asks for."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from controlplane.cluster import CacheChange, awaits_counting
from controlplane.leading import LeaderLoop, carry_out
from controlplane.tasks.decide import Situation, decide
from taskyard import keys
from taskyard.store.api import Compare, absent, unchanged

_log = logging.getLogger(__name__)

_PER_ROUND = 1024
"""Uids looked at under one hold of the cache's lock."""


class TaskController(LeaderLoop[str]):
    """Keys are uids. Run it in one thread, or step it."""

    kinds = ("task", "assignment", "status", "object", "node")

    def begin_term(self) -> None:
        """It remembers nothing between two rounds."""

    def everything(self) -> Sequence[str]:
        deleted = {r.uid for r in self.cache.tasks.values() if r.uid and r.task.metadata.deletion_timestamp}
        return sorted(deleted | self.cache.placed_uids())

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[str]:
        found: list[str] = []
        for change in changes:
            if change.kind in ("assignment", "status"):
                found += [] if self._in_its_place(change.key) else [change.key]
            elif change.kind == "task" and change.task is not None:
                record = self.cache.tasks.get(change.task)
                uids = [*sorted(self.cache.placed_as(change.task)), *([record.uid] if record and record.uid else [])]
                found += [uid for uid in uids if not self._in_its_place(uid)]
            elif change.object is not None and change.object.kind == "Job":
                found += self._going_of(change.object)
            elif change.kind == "node":
                # A lease came or went: what is being deleted there may be finished, or has to be asked to stop.
                bound = self.cache.bound_to(change.node)
                found += [record.uid for record in bound if record.task.metadata.deletion_timestamp and record.uid]
        return found

    def _in_its_place(self, uid: str) -> bool:
        """Nobody deletes the task, and all that there is of it is where it is bound, as nearly always when an agent
        reports: nothing is to be done."""
        task = self.cache.by_uid(uid)
        if task is None or task.task.metadata.deletion_timestamp:
            return False
        assigned, bound = self.cache.assignments_of(uid).keys(), {task.node}
        return assigned <= bound and self.cache.statuses_of(uid).keys() <= assigned

    def work(self, batch: Sequence[str], fence: Compare) -> bool:
        for start in range(0, len(batch), _PER_ROUND):
            part = batch[start : start + _PER_ROUND]
            with self.cache.lock:
                found = {uid: decide(self._situation(uid)) for uid in part}
            proposals = [proposal for proposal in found.values() if proposal is not None]
            carry_out(
                self,
                fence,
                part,
                proposals,
                _log,
                key=lambda step: step.uid,
                what=lambda step: f"{step.what} {step.uid}",
            )
        return False

    def _situation(self, uid: str) -> Situation:
        cache = self.cache
        task = cache.by_uid(uid)
        assignments, statuses = cache.assignments_of(uid), cache.statuses_of(uid)
        nodes = {*assignments, *statuses, *([task.node] if task is not None and task.node else [])}
        names: set[keys.NamedKey] = set()
        if task is None:
            names = {held.key for held in assignments.values()} | {status.key for status in statuses.values()}
        return Situation(
            uid=uid,
            task=task,
            assignments=dict(assignments),
            statuses=dict(statuses),
            result=cache.results.get(uid),
            uncounted=task is not None and awaits_counting(cache, task),
            ready_nodes=frozenset(name for name in nodes if (node := cache.nodes.get(name)) is not None and node.ready),
            unsettled=any(self._unsettled(name) for name in names),
            named=tuple(self._as_seen(name) for name in sorted(names)),
        )

    def _going_of(self, job: keys.ObjectKey) -> list[str]:
        """Tasks of this job that may have waited until they were counted."""
        record = self.cache.objects.get(job)
        tasks = [
            self.cache.tasks.get(keys.NamedKey(*key[1:])) for key in self.cache.owned_by(record.uid if record else "")
        ]
        return [task.uid for task in tasks if task is not None and task.task.metadata.deletion_timestamp]

    def _as_seen(self, name: keys.NamedKey) -> Compare:
        record = self.cache.tasks.get(name)
        return unchanged(record.entry) if record is not None else absent(keys.task(*name))

    def _unsettled(self, name: keys.NamedKey) -> bool:
        record = self.cache.tasks.get(name)
        return keys.task(*name) in self.cache.quarantined or (record is not None and not record.uid)
