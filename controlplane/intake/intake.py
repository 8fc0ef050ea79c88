"""The intake's loop: tasks that lack what the API would have filled in, and values that nobody can read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from controlplane.cluster import AssignmentRecord, CacheChange, ClusterCache, TaskRecord
from controlplane.intake.decide import complete
from controlplane.leading import FencedOut, LeaderLoop, Proposal, commit_all
from taskyard import keys
from taskyard.clock import Clock
from taskyard.events import EventRecorder
from taskyard.keys import NamedKey
from taskyard.objects import ObjectRef, encode
from taskyard.store.api import Compare, Put, Store, unchanged

_log = logging.getLogger(__name__)


class StoreKey(NamedTuple):
    """In the queue: the value at this key is set aside, or is no longer."""

    key: str


Dirty = NamedKey | StoreKey


class Intake(LeaderLoop[Dirty]):
    """Run it in one thread, or step it. `new_uid` makes 12 lower-case hex digits that were never used."""

    def __init__(
        self,
        store: Store,
        cache: ClusterCache,
        clock: Clock,
        fence: Callable[[], Compare],
        events: EventRecorder,
        new_uid: Callable[[], str],
    ) -> None:
        super().__init__(cache, clock, fence)
        self._store = store
        self._events = events
        self._new_uid = new_uid
        self._told: dict[str, str] = {}
        """Key → the reason that was announced for it."""

    def begin_term(self) -> None:
        self._told.clear()

    def everything(self) -> Sequence[Dirty]:
        return [*self.cache.tasks, *map(StoreKey, self.cache.quarantined)]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: list[Dirty] = []
        for change in changes:
            if change.kind == "quarantine":
                found.append(StoreKey(change.key))
            elif change.kind == "task" and change.task is not None:
                found.append(change.task)
        return found

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        proposals = []
        with self.cache.lock:
            for key in batch:
                record = None if isinstance(key, StoreKey) else self.cache.tasks.get(key)
                proposal = self._completion(record) if record is not None else None
                if isinstance(key, StoreKey):
                    self._tell(key.key)
                if proposal is None:
                    self.queue.forget(key)
                else:
                    proposals.append(proposal)
        results = commit_all(self._store, fence, proposals)
        for done, revision in results.committed:
            self.queue.forget(done.subject)
            _log.info("completed %s/%s at revision %d", *done.subject, revision)
        again = [*(stale.proposal for stale in results.stale), *results.unknown, *results.untried]
        for refused, reason in results.refused:
            _log.error("the store refuses to complete %s/%s: %s", *refused.subject, reason)
            again.append(refused)
        for proposal in again:
            self.queue.retry(proposal.subject)
        if results.fenced_out:
            raise FencedOut
        return False

    def _completion(self, record: TaskRecord) -> Proposal[NamedKey] | None:
        owner = self.cache.by_uid(record.uid) if record.uid else None
        task = complete(
            record,
            copied=owner is not None and owner.key != record.key,
            running=self._left_running(record),
            now=self.clock.now(),
            uid=self._new_uid(),
        )
        if task is None:
            return None
        return Proposal(record.key, (unchanged(record.entry),), (Put(record.entry.key, encode(task)),))

    def _left_running(self, record: TaskRecord) -> AssignmentRecord | None:
        """The assignment that the task at this key had before its value was overwritten; of several the newest."""
        uids = self.cache.placed_as(record.key)
        orphans = [held for uid in uids if self.cache.by_uid(uid) is None for held in self._assigned(uid)]
        return max(orphans, key=lambda held: held.entry.mod_revision, default=None)

    def _assigned(self, uid: str) -> list[AssignmentRecord]:
        return [held for held in self.cache.assignments_of(uid).values() if held.assignment.desired == "Running"]

    def _tell(self, key: str) -> None:
        reason = self.cache.quarantined.get(key)
        if reason is None:
            self._told.pop(key, None)
            return
        if self._told.get(key) == reason:
            return
        self._told[key] = reason
        about, namespace = _subject(key)
        message = f"{key} is ignored until its value is changed: {reason}"
        self._events.emit(about, namespace, "Quarantined", message, warning=True)
        _log.warning("quarantined: %s", message)


def _subject(key: str) -> tuple[ObjectRef, str]:
    """What an event about the value at this key is about, and the namespace where that event is found."""
    task, node = keys.parse_task(key), keys.parse_node(key)
    if task is not None:
        return ObjectRef(kind="Task", name=task.name), task.namespace
    if node is not None:
        return ObjectRef(kind="Node", name=node.node), keys.CLUSTER_NAMESPACE
    return ObjectRef(kind="Key", name=key.removeprefix(keys.ROOT).replace("/", ".")), keys.CLUSTER_NAMESPACE
