"""The scheduler's loop: which tasks need a node, a snapshot, one pure decision, and the bindings in the store.

Nothing is polled: tasks that fit nowhere are tried again when a node changes so that one of them fits. Decisions are
made in `controlplane.placement`; what a binding writes is in `bindings.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Literal

from controlplane.cluster import CacheChange, Demand, TaskRecord
from controlplane.cluster.effective import needs_binding
from controlplane.leading import FencedOut, LeaderLoop, Means, Proposal, Results, carry_out, committing
from controlplane.nodeloss import LossAnnouncer
from controlplane.placement import Decision, Held, NodeState, Placer, Snapshot, SnapshotKeeper, Want, turn_of, want_of
from controlplane.placement.budgets import Budgets
from controlplane.placement.waking import keep_away, news_of
from controlplane.scheduler.announcing import Announcer
from controlplane.scheduler.assumed import Assumptions
from controlplane.scheduler.bindings import Bound, Target, namespace_unchanged, propose, puts_of, standing_of
from controlplane.scheduler.exclusive import elsewhere, succeeds
from controlplane.scheduler.gangs import Gangs, commit_together
from controlplane.scheduler.handing_over import Handover
from controlplane.scheduler.held_back import HeldBack
from controlplane.scheduler.line import Line
from controlplane.scheduler.making_room import RoomMaker
from controlplane.scheduler.metrics import SchedulerMetrics
from controlplane.scheduler.moves import Refusal, drop, grant, judge
from controlplane.scheduler.rounds import Round
from controlplane.scheduler.waiting import WaitingRoom
from taskyard import keys
from taskyard.clock import timestamp
from taskyard.keys import NamedKey, ObjectKey
from taskyard.store.api import Compare

_log = logging.getLogger(__name__)

_PER_ROUND = 1024
"""Tasks placed and bound before newer and more urgent ones are looked at."""
_PER_LOCK = 2048
"""Tasks read before the cache's lock is let go for a moment."""
_UNSEEN = 0.05
"""Seconds until a task is looked at again whose binding the cache has not shown yet."""
_EARLY = 1e-6
"""Seconds by which a moment counts as reached: a due time that went through two additions is not exact."""


class Room(Enum):
    """In the queue, beside the keys of tasks."""

    SOME = "something about a node is different, and so perhaps what it takes"
    ALL = "a quota is different, where a volume is, or what is kept for others, and so perhaps what every node takes"


Dirty = NamedKey | Room


class Scheduler(LeaderLoop[Dirty]):
    """Run it in one thread, or step it. `metrics` may be read from any."""

    kinds = ("task", "object", "node", "assignment", "status", "move", "result")

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self.metrics = SchedulerMetrics()
        self._keeper = SnapshotKeeper(means.cache)
        self._placer = Placer()
        self._announcer = Announcer(means.events, means.clock)
        self._loss_announcer = LossAnnouncer(means.events)
        self._assumed = Assumptions()
        self._waiting = WaitingRoom()
        self._ready = Line(means.cache)
        """Tasks to be placed next."""
        self._first_seen: dict[NamedKey, float] = {}
        self._asked: set[NamedKey] = set()
        """Tasks that somebody wants on a certain node."""
        self._known: set[NamedKey] = set()
        """Tasks that were there when they were last looked at, and of which something may be remembered."""
        self._judged: Mapping[str, NodeState] = {}
        """The nodes that those in the waiting room were last held against."""
        self._gangs = Gangs()
        self._held_back = HeldBack(means.cache, means.clock, means.events, self.queue.add_after)
        self._room = RoomMaker(
            means.store, means.cache, means.clock, self._announcer, self.metrics, self.queue.retry, self.queue.add_after
        )
        self._handover = Handover(means.store, means.clock, self._announcer, self.queue.retry, self.queue.add_after)

    def begin_term(self) -> None:
        self._assumed.clear()
        self._waiting.clear()
        self._ready.clear()
        self._first_seen.clear()
        self._asked.clear()
        self._known.clear()
        self._announcer.clear()
        self._loss_announcer.clear()
        self._losses.restart()
        self._judged = {}
        self._gangs.clear()
        self._held_back.clear()
        self._room.clear()
        self._handover.clear()

    def everything(self) -> Sequence[Dirty]:
        # Of what went while the lead was in doubt, nothing was heard.
        gone = self._known - self.cache.tasks.keys()
        return [*self.cache.tasks, *gone, *self.cache.moves, Room.SOME]

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[Dirty]:
        found: list[Dirty] = []
        if any(change.kind == "node" or (change.room and not change.expected) for change in changes):
            found.append(Room.SOME)
        for change in changes:
            # What it wrote itself, it knows from the store's answer, and of whom it has to look at again after that.
            moves = (change.kind in ("task", "assignment", "move") and not change.expected) or (
                change.kind == "status" and change.task in self._handover
            )
            if moves and change.task is not None:
                found.append(change.task)
            found += self._held_back.concerned_by(change)
            if change.object is not None and change.object.kind in ("Namespace", "Volume"):
                found.append(Room.ALL)
        for node in self._losses.take_changed():
            found += [record.key for record in self.cache.bound_to(node)]
        return found

    def work(self, batch: Sequence[Dirty], fence: Compare) -> bool:
        tasks = [key for key in batch if isinstance(key, NamedKey)]
        self._loss_announcer.tell(self._losses.now)
        if Room.ALL in batch:
            self._judged = {}
        if doubts := self._assumed.in_doubt():
            self._settle(commit_together(self.store, fence, doubts), resent=True)
        for start in range(0, len(tasks), _PER_LOCK):
            with self.cache.lock:
                self._assumed.forget_seen(self.cache.revision)
                for key in tasks[start : start + _PER_LOCK]:
                    self._look_at(key)
        if self._asked:
            self._move(fence)
        round_ = self._read_round()
        if round_.wants:
            kept = self._room.kept.reservations(self.clock.monotonic())
            decisions = self._placer.place(round_.snapshot, round_.wants, kept)
            self.metrics.decisions += len(decisions)
            unplaced = [decision.want for decision in decisions if decision.node is None]
            for want in unplaced:
                self._waiting.put(want)
            self._handover.stop(fence, [d for d in decisions if d.node is not None], round_)
            proposals = self._proposals(decisions, round_)
            if self._waiting:
                # Those that found no room were held against what this round has placed, even where that fails now.
                proposals = list(proposals)
                self._judged = self._assumed.over(round_.shown).nodes
            self._settle(commit_together(self.store, fence, proposals))
            left = round_.shown.with_nodes(self._judged)
            self._announcer.unplaced(unplaced, left, kept)
            self._room.make(fence, unplaced, left, self._first_seen, self._assumed.keys)
        now = self.clock.monotonic()
        if (ends := self._room.kept.next_end(now)) is not None:
            self.queue.add_after(Room.ALL, ends - now + _EARLY)
        self.metrics.pending = len(self._ready) + len(self._waiting)
        return bool(self._ready)

    def _look_at(self, key: NamedKey) -> None:
        """Level-triggered: whatever happened to the task, does it need a node now?"""
        if key in self._assumed:
            self.queue.add_after(key, _UNSEEN)
            return
        if key in self.cache.moves:
            self._asked.add(key)
        self._waiting.remove(key)
        self._handover.forget(key)
        record = self.cache.tasks.get(key)
        if record is not None:
            self._known.add(key)
        else:
            self._known.discard(key)
            self._held_back.forget(key)
        due = self._due(record) if record is not None else ""
        placed = record is not None and not due and bool(record.node)
        self._room.note(key, record)
        # Also of one that waits with a new spec: it holds the room of the one before.
        self._room.priorities.note(key, record.task.spec.priority if record is not None and record.node else None)
        left, gang = self._gangs.note(key, record if due or placed else None, waits=bool(due))
        if left != gang:
            # Without it the others may have room as they are.
            self.queue.add_all(self._gangs.waiting(left)[:1])
        if placed:
            # So many that they did not all go into one transaction.
            self.queue.add_all(self._gangs.waiting(gang))
        if self._room.let_go(key, record.demand if record is not None and due else None, self._gangs, {left, gang}):
            # Others may have what was kept for it.
            self._judged = {}
        if record is None or not due:
            self._ready.remove(key)
            self._first_seen.pop(key, None)
            self._announcer.forget(key)
            self.queue.forget(key)
            return
        self._first_seen.setdefault(key, self.clock.monotonic())
        self._ready.put(turn_of(record))

    def _due(self, record: TaskRecord) -> Literal["", "unbound", "lost"]:
        """Why it needs a node now. One whose node is lost comes up again when its delay is over."""
        if needs_binding(self.cache, record):
            # The end of the one before it is a change of an assignment of this name, and brings it up again.
            return "" if succeeds(self.cache, record) or self._held_back.holds(record) else "unbound"
        found = self._losses.outlook(record)
        if found is None or found.due is None:
            return ""
        left = found.due - self.clock.monotonic()
        if left > _EARLY:
            self.queue.add_after(record.key, left)
            return ""
        return "lost"

    def _read_round(self) -> Round:
        with self.cache.lock:
            self._assumed.forget_seen(self.cache.revision)
            self._assumed.recharge(self.cache)
            shown = self._keeper.take()
            snapshot = self._assumed.over(shown)
            self._wake(snapshot)
            wants, standing, away = [], {}, {}
            next_ones, contested = self._ready.take(_PER_ROUND, snapshot)
            for place, key in enumerate(self._gangs.with_the_others(next_ones)):
                self._ready.remove(key)
                self._waiting.remove(key)
                if key in self._assumed:
                    continue
                record = self.cache.tasks.get(key)
                due = self._due(record) if record is not None else ""
                if record is not None and due:
                    wants.append(self._want(record, place if contested else 0))
                    standing[key] = standing_of(self.cache, record, lost=due == "lost")
                    away[key] = elsewhere(self.cache, self._losses.now, record, self.clock.monotonic())
                    # Already here: while it is decided, without the lock, what it waits for may end.
                    self._handover.expect(key, away[key])
            spaces = {want.key.namespace for want in wants}
            namespaces = {each: namespace_unchanged(self.cache, each) for each in spaces}
            return Round(timestamp(self.clock.now()), shown, snapshot, wants, standing, away, namespaces)

    def _want(self, record: TaskRecord, place: int) -> Want:
        want, gang = want_of(self.cache, record), record.task.spec.gang
        if place:
            want = replace(want, line=place)
        return want if gang is None else replace(want, gang_lacks=self._gangs.lacks(want.gang, gang.size))

    def _wake(self, snapshot: Snapshot) -> None:
        """Another try for those that may have room by how nodes differ from when they were last held against them."""
        known, self._judged = self._judged, snapshot.nodes
        if not self._waiting:
            return
        changed = [
            node for name, node in snapshot.nodes.items() if (was := known.get(name)) is not node and was != node
        ]
        if not changed:
            return

        def which(asked: Sequence[tuple[Demand, Held | None]]) -> set[int]:
            news = news_of(snapshot, known, changed, [one for one, _ in asked], self._room.priorities.any_below)
            return self._placer.woken(snapshot, asked, [node.facts.name for node in changed], news)

        for key in self._waiting.woken_by(which, apart=keep_away(known, changed)):
            record = self.cache.tasks.get(key)
            if record is not None:
                self._ready.put(turn_of(record))

    def _move(self, fence: Compare) -> None:
        """Grant or refuse each wish that a task be moved; either way it is gone then. Raises FencedOut."""
        granted: list[Proposal[Bound]] = []
        void: list[Proposal[NamedKey]] = []
        with self.cache.lock:
            self._assumed.recharge(self.cache)
            budgets = Budgets.of_what_runs(self.cache, self._assumed.keys | self._room.leaving)
            for key in sorted(self._asked):
                if (asked := self.cache.moves.get(key)) is None or key in self._assumed:
                    continue
                snapshot = self._assumed.over(self._keeper.take())
                found = judge(self.cache, snapshot, budgets, key, asked, self.clock.now())
                if isinstance(found, Refusal):
                    void.append(drop(key, asked))
                    if found.why:
                        self._announcer.not_moved(key, asked.move.uid, found.why)
                    continue
                granted.append(grant(self.cache, snapshot, found, asked, timestamp(self.clock.now())))
                self._assumed.expect(granted[-1])
        self._asked.clear()
        self._settle(committing(self.store, fence, granted))
        carry_out(
            self,
            fence,
            [proposal.subject for proposal in void],
            void,
            _log,
            key=lambda key: key,
            what=lambda key: f"take back the wish that {ObjectKey('Task', *key).label} be moved",
        )

    def _proposals(self, decisions: Iterable[Decision], round_: Round) -> Iterable[Proposal[Bound]]:
        """Each is made when it is asked for, and expected from then on: etcd is at work on those before it."""
        for decision in decisions:
            proposal = self._propose(decision, round_)
            if proposal is not None:
                self._assumed.expect(proposal)
                self._expect_news(proposal, round_)
                yield proposal

    def _propose(self, decision: Decision, round_: Round) -> Proposal[Bound] | None:
        if decision.node is None:
            return None
        cleared = self._handover.cleared(decision, round_)
        if cleared is None:
            return None
        want, node = decision.want, round_.snapshot.nodes[decision.node]
        # An invalid value there is not in the cache, and is overwritten all the same.
        unread = self.cache.informer.entries.get(keys.assignment(decision.node, want.uid))
        return propose(
            round_.standing[want.key],
            Target(decision.node, node.facts.life),
            decision.charge,
            also=(*cleared, round_.namespaces[want.key.namespace]),
            unread=unread.mod_revision if unread is not None else 0,
            gang=want.gang,
            at=round_.at,
        )

    def _expect_news(self, proposal: Proposal[Bound], round_: Round) -> None:
        """The cache has read this spec before, and what it asks for."""
        bound, demand = proposal.subject, round_.standing[proposal.subject.key].record.demand
        of_task, of_assignment = puts_of(proposal)
        self.cache.expect(of_task.key, of_task.value, bound.task, demand)
        self.cache.expect(of_assignment.key, of_assignment.value, bound.assignment, demand)

    def _settle(self, answers: Iterable[Results[Bound]], *, resent: bool = False) -> None:
        """Note what became of bindings that were sent; `resent`: not for the first time. Raises FencedOut."""
        fenced_out = False
        for results in answers:
            self._note(results, resent=resent)
            fenced_out = fenced_out or results.fenced_out
        if fenced_out:
            raise FencedOut

    def _note(self, results: Results[Bound], *, resent: bool) -> None:
        for proposal, revision in results.committed:
            self._done(proposal, revision)
        for stale in results.stale:
            if stale.done_before:
                self._done(stale.proposal, stale.revision)
            else:
                self.metrics.conflicts += 1
                # The cache knows less than this answer, perhaps not even that it was bound and changed since.
                self._assumed.expect(stale.proposal, stale.revision)
                self.queue.retry(stale.proposal.subject.key)
        for proposal in results.unknown:
            # Its room stays taken until it is known; the retry brings the next round, which sends it again.
            self._assumed.expect(proposal)
            self.queue.retry(proposal.subject.key)
        for proposal in results.untried:
            if resent:
                self.queue.retry(proposal.subject.key)
            else:
                self._again(proposal.subject.key)
        for proposal, reason in results.refused:
            self.metrics.refused += 1
            self._announcer.refused(proposal.subject, reason)
            self._again(proposal.subject.key)

    def _done(self, proposal: Proposal[Bound], revision: int) -> None:
        bound = proposal.subject
        self._assumed.expect(proposal, revision)
        self._room.kept.drop(bound.key)
        self.queue.forget(bound.key)
        self.metrics.bound += 1
        self.metrics.moved += bool(bound.lost)
        seen = self._first_seen.pop(bound.key, None)
        if seen is not None:
            self.metrics.bind_latency.observe(self.clock.monotonic() - seen)
        self._announcer.bound(bound)
        if bound.assignment.epoch > 1 or bound.gang:
            # More may be remembered of it, as that it was being stopped where it is, or others of its gang may wait for
            # the room of a second transaction.
            self.queue.add(bound.key)
        else:
            self._room.priorities.note(bound.key, bound.task.spec.priority)

    def _again(self, key: NamedKey) -> None:
        """It was not bound: its room is free again, and the task comes up after a moment, read anew."""
        self._assumed.drop(key)
        self.queue.retry(key)
