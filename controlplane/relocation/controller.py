"""The relocation controller's loop: tasks that keep failing where they are, and a wish that they go elsewhere.

Bindings have one writer, so it asks the scheduler, which judges the wish like anybody's. The nodes that a task has
failed on stand in its binding; a new spec begins without them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import ClassVar

from controlplane.cluster import CacheChange, ChangeKind, TaskRecord
from controlplane.cluster.effective import current_status, needs_binding
from controlplane.cluster.failing import keeps_failing
from controlplane.cluster.rules import pinned_volumes
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.placement import SnapshotKeeper, explain, want_of
from controlplane.relocation.decide import elsewhere
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Backoff, Move, ObjectRef, encode
from taskyard.quantity import seconds
from taskyard.store.api import Compare, Put, absent, unchanged

_log = logging.getLogger(__name__)


class RelocationController(LeaderLoop[NamedKey]):
    """Run it in one thread, or step it."""

    kinds: ClassVar[Collection[ChangeKind]] = frozenset({"status"})

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._keeper = SnapshotKeeper(means.cache)

    def begin_term(self) -> None:
        """It remembers nothing."""

    def everything(self) -> Sequence[NamedKey]:
        return [key for key, record in self.cache.tasks.items() if record.task.spec.restart.elsewhere_after]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        return [
            change.task
            for change in changes
            if change.kind == "status"
            and change.task is not None
            and (record := self.cache.tasks.get(change.task)) is not None
            and record.task.spec.restart.elsewhere_after
        ]

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        proposals: list[Proposal[NamedKey]] = []
        with self.cache.lock:
            for key in batch:
                proposal = self._wish(key)
                if proposal is not None:
                    proposals.append(proposal)
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda key: key,
            what=lambda key: f"wish that {ObjectKey('Task', *key).label} go elsewhere",
        )
        return False

    def _wish(self, key: NamedKey) -> Proposal[NamedKey] | None:
        record = self.cache.tasks.get(key)
        if record is None or record.task.binding is None or key in self.cache.moves or not self._may_go(record):
            return None
        status = current_status(self.cache, record)
        if status is None or not keeps_failing(record.task.spec, status.status):
            return None
        binding, want, snapshot = record.task.binding, want_of(self.cache, record), self._keeper.take()
        found = explain(snapshot, want.demand, current=want.current, held=want.held)
        target = elsewhere(found, binding.node, binding.avoid)
        failed = f"failed {status.status.backoff_step} times in a row on {binding.node}"
        if target is None:
            self._tell(record, "NoOtherNode", f"{failed}, and fits on no other node: {found.message}")
            return None
        if target.node in binding.avoid and not _longest(record.task.spec.restart.backoff, status.status.backoff_step):
            return None  # It has failed everywhere: its backoff is to grow, and not to begin anew each time.
        self._tell(record, "TriedElsewhere", f"{failed}: {target.node} is tried")
        move = Move(
            uid=record.uid,
            epoch=binding.epoch,
            to=target.node,
            requested_at=timestamp(self.clock.now()),
            avoid=list(target.avoid),
        )
        place = keys.move(*key)
        return Proposal(key, (unchanged(record.entry), absent(place)), (Put(place, encode(move)),))

    def _may_go(self, record: TaskRecord) -> bool:
        """Admission says no to the last two; what is put by hand may have them all the same."""
        spec, metadata = record.task.spec, record.task.metadata
        wanted = not metadata.deletion_timestamp and not needs_binding(self.cache, record)
        return wanted and not spec.singleton and not pinned_volumes(spec)

    def _tell(self, record: TaskRecord, reason: str, message: str) -> None:
        about = ObjectRef(kind="Task", name=record.key.name, uid=record.uid)
        self._events.emit(about, record.key.namespace, reason, message, warning=True)


def _longest(backoff: Backoff, step: int) -> bool:
    """Whether the wait before that restart is as long as it gets."""
    return seconds(backoff.initial) * 2.0 ** min(max(step - 1, 0), 60) >= seconds(backoff.max)
