"""The return controller's loop: tasks that a loss has driven away, nodes that are back, and wishes to go back to them.

Bindings have one writer, so it asks the scheduler, which judges the wish like anybody's. Since when a node is back is
counted by who leads, and never stored: a new leader can only be later, never sooner.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache

from controlplane.cluster import CacheChange, TaskRecord
from controlplane.cluster.effective import current_status, needs_binding, runs
from controlplane.cluster.rules import pinned
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.placement import Held, SnapshotKeeper, explain, want_of
from controlplane.placement.budgets import Budgets, counted
from controlplane.returning.decide import SETTLED, GoesBack, judged
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Move, ObjectRef, encode
from taskyard.store.api import Compare, Put, absent, unchanged

_log = logging.getLogger(__name__)

_EARLY = 1e-6
"""Seconds by which a moment counts as reached: a due time that went through two additions is not exact."""
_AGAIN = 15.0
"""Seconds after which a task is wished back again, when nothing came of it, or may fit where it did not."""


class ReturnController(LeaderLoop[NamedKey]):
    """Keys are tasks. Run it in one thread, or step it."""

    kinds = ("task", "assignment", "status", "node", "move", "result")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._keeper = SnapshotKeeper(means.cache)
        self._away: dict[str, set[NamedKey]] = {}
        """By node, the tasks that were on it when it was lost."""
        self._origin: dict[NamedKey, str] = {}
        self._back: dict[str, tuple[int, float]] = {}
        """By node that has such tasks: the create revision of its lease, and when it was first seen."""
        self._stay: dict[NamedKey, int] = {}
        """Those that were judged to stay, and in which epoch."""
        self._held: set[NamedKey] = set()
        """Those that may go as soon as others run."""
        self._asked: dict[NamedKey, float] = {}
        """When each was last wished back, on the monotonic clock."""
        self._said: dict[NamedKey, str] = {}

    def begin_term(self) -> None:
        self._away.clear()
        self._origin.clear()
        self._back.clear()
        self._stay.clear()
        self._held.clear()
        self._asked.clear()
        self._said.clear()

    def everything(self) -> Sequence[NamedKey]:
        for key in self.cache.tasks:
            self._note(key)
        return sorted(self._origin)

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[NamedKey]:
        found: dict[NamedKey, None] = {}
        if self._held and any(change.kind in ("task", "assignment", "status") for change in changes):
            found.update(dict.fromkeys(sorted(self._held)))
        for change in changes:
            if change.kind == "task" and change.task is not None:
                self._note(change.task)
            if change.task is not None and change.task in self._origin:
                found[change.task] = None
            if change.kind == "node" or change.room:
                found.update(dict.fromkeys(sorted(self._away.get(change.node, ()))))
        return list(found)

    def _note(self, key: NamedKey) -> None:
        record, before = self.cache.tasks.get(key), self._origin.pop(key, "")
        self._away.get(before, set()).discard(key)
        binding = record.task.binding if record is not None else None
        if record is None or binding is None or not binding.lost_from:
            for known in (self._stay, self._asked, self._said):
                known.pop(key, None)
            self._held.discard(key)
            return
        if record.task.spec.on_node_loss.on_return != "keep-newest":
            self._origin[key] = binding.lost_from
            self._away.setdefault(binding.lost_from, set()).add(key)

    def work(self, batch: Sequence[NamedKey], fence: Compare) -> bool:
        proposals: list[Proposal[NamedKey]] = []
        going: set[str] = set()
        """Owners of whose tasks one goes now: the next one only when it runs again."""
        with self.cache.lock:
            budgets = cache(lambda: Budgets.of_what_runs(self.cache, self.cache.moves))
            waited_for = cache(self._waited_for)
            for key in batch:
                proposal = self._wish(key, going, waited_for, budgets)
                if proposal is not None:
                    proposals.append(proposal)
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda key: key,
            what=lambda key: f"wish that {ObjectKey('Task', *key).label} go back",
        )
        return False

    def _wish(
        self,
        key: NamedKey,
        going: set[str],
        waited_for: Callable[[str], Sequence[NamedKey]],
        budgets: Callable[[], Budgets],
    ) -> Proposal[NamedKey] | None:
        self._held.discard(key)
        record, original = self.cache.tasks.get(key), self._origin.get(key, "")
        binding = record.task.binding if record is not None else None
        if record is None or binding is None or not original or self._stay.get(key) == binding.epoch:
            return None
        left, now = self._until_settled(original), self.clock.monotonic()
        if left is None or not self._may_go(record):
            return None  # A change of the node, or of the task, brings it up again.
        if (left := max(left, self._asked.get(key, -_AGAIN) + _AGAIN - now)) > _EARLY:
            self.queue.add_after(key, left)
            return None
        owner = record.task.metadata.owner.uid if record.task.metadata.owner is not None else ""
        if owner in going or any(other != key for other in waited_for(owner)):
            # Before it is asked where it would fit: of a large service all but one are here at each change.
            self._held.add(key)
            return None
        want = want_of(self.cache, record)
        found = explain(self._keeper.take(), want.demand, held=Held(binding.node, want.demand))
        verdict = judged(record.task.spec.on_node_loss, original, binding.node, found)
        if not isinstance(verdict, GoesBack):
            self._tell(record, "ReturnHeld", verdict.why)
            if verdict.for_good:
                self._stay[key] = binding.epoch
            else:
                self.queue.add_after(key, _AGAIN)
            return None
        if not budgets().take(counted(self.cache, record)):
            self._held.add(key)
            return None
        self._asked[key] = now
        going |= {owner} if owner else set()
        self._tell(record, "Returning", verdict.why)
        move = Move(uid=record.uid, epoch=binding.epoch, to=original, requested_at=timestamp(self.clock.now()))
        place = keys.move(*key)
        return Proposal(key, (unchanged(record.entry), absent(place)), (Put(place, encode(move)),))

    def _until_settled(self, name: str) -> float | None:
        """Seconds; None while the node is away."""
        node = self.cache.nodes.get(name)
        if node is None or not node.able:
            self._back.pop(name, None)
            return None
        now = self.clock.monotonic()
        life, since = self._back.get(name, (0, now))
        if life != node.lease_create_revision:
            since = now
        self._back[name] = node.lease_create_revision, since
        return max(since + SETTLED - now, 0.0)

    def _may_go(self, record: TaskRecord) -> bool:
        """Admission says no to the pinned; what is put by hand may be so all the same."""
        spec, metadata = record.task.spec, record.task.metadata
        wanted = not metadata.deletion_timestamp and not needs_binding(self.cache, record)
        return wanted and runs(self.cache, record) and not pinned(spec) and record.key not in self.cache.moves

    def _waited_for(self, owner: str) -> Sequence[NamedKey]:
        """Of what the owner has made, two at most that neither run nor have come to their end."""
        found = []
        for key in self.cache.owned_by(owner) if owner else ():
            other = self.cache.tasks.get(NamedKey(key.namespace, key.name)) if key.kind == "Task" else None
            if other is None or runs(self.cache, other):
                continue
            status = current_status(self.cache, other)
            if status is None or not status.status.state.terminal:
                found.append(other.key)
                if len(found) == 2:
                    break
        return found

    def _tell(self, record: TaskRecord, reason: str, message: str) -> None:
        if self._said.get(record.key) == message:
            return
        self._said[record.key] = message
        about = ObjectRef(kind="Task", name=record.key.name, uid=record.uid)
        self._events.emit(about, record.key.namespace, reason, message)
