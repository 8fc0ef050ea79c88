"""What is promised of nodes that somebody drains, by the store's history: who is stopped there, when, and who is not.

Budgets hold until the deadline, and nothing holds after it; what tolerates drains stays, and what is to run at most
once is left to its end, but by force, and then not before the deadline. A task whose service starts others first stays
until its stand-in is ready. What users ask for is in drawn_drains.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.available import NEWS
from simulator.clocks import MachineClock
from simulator.contention import Contention
from simulator.mirror import Mirror
from simulator.services import Services
from simulator.story import Violation
from taskyard.annotations import STANDS_IN_FOR
from taskyard.clock import parse_timestamp
from taskyard.objects import DRAIN_TAINT, MAINTENANCE_TAINT, Assignment, Drain, NodeLease, NodeSpec, Taint, Task
from taskyard.objects.service import SLOT
from taskyard.quantity import seconds
from taskyard.tolerations import patience

FORCED_WITHIN = 30.0
"""Seconds after the deadline within which all is asked to stop, counted from when somebody leads: whoever does may be
cut off from the store for 15 s without losing the lead, and find out 5 s later, and then hear with 4 s of delay."""
_UNPLACED = 30.0
"""Seconds for which a stand-in is waited for that gets no node."""
_ROUNDING = 0.01
_BECAUSE = {DRAIN_TAINT: "the node is drained", MAINTENANCE_TAINT: "taskyard/maintenance"}
"""How an eviction says so."""


@dataclass(frozen=True, slots=True)
class _Said:
    """Of a node, from `at` on."""

    at: float
    drain: Drain | None = None
    agent_leaves: bool = False
    maintained: bool = False
    there: bool = False
    """It has a lease."""

    @property
    def driven(self) -> list[Taint]:
        return [*([DRAIN_TAINT] if self.drained else []), *([MAINTENANCE_TAINT] if self.maintained else [])]

    @property
    def drained(self) -> bool:
        """By an operator, or as its agent is to end."""
        return self.drain is not None or self.agent_leaves

    @property
    def deadline(self) -> float:
        """Since the epoch."""
        return parse_timestamp(self.drain.deadline) if self.drain is not None and self.drain.deadline else math.inf


class Drains:
    def __init__(self, services: Services, contention: Contention, clocks: Mapping[str, MachineClock]) -> None:
        """`clocks`: of the machines of the control planes, by the planes' names."""
        self._services = services
        self._contention = contention
        self._clocks = clocks
        self._said: dict[str, list[_Said]] = {}
        """By node, in order; the last one holds."""
        self._drained: dict[str, _Said] = {}
        """The last one of each node that is there and is drained."""
        self._assigned: dict[tuple[str, str], float] = {}
        """By node and uid: when something of the assignment was last written."""
        self._stood_in: dict[tuple[str, str], float] = {}
        """By uid of the service and slot: when a ready stand-in was deleted."""
        self._leads = "", 0.0
        """Whose controllers lead, and since when."""
        self._restored_at = -math.inf
        self._budgets_changed_at = -math.inf
        """When a task that had one was written last."""

    def note(self, node: str, lease: NodeLease | None, spec: NodeSpec | None, now: float) -> None:
        """What is said of a node, or whether it is there, may be something else."""
        drain = spec.drain if spec is not None else None
        maintained = spec is not None and spec.maintenance is not None
        leaves = lease is not None and lease.draining
        said = _Said(now, drain, leaves, maintained, there=lease is not None)
        known = self._said.setdefault(node, [_Said(-math.inf)])
        if replace(said, at=known[-1].at) != known[-1]:
            known.append(said)
            self._drained.pop(node, None)
            if said.there and said.drained:
                self._drained[node] = said

    def restored(self, mirror: Mirror, now: float) -> None:
        for node in self._said.keys() | mirror.leases.keys() | mirror.specs.keys():
            self.note(node, mirror.leases.get(node), mirror.specs.get(node), now)
        self._restored_at = now
        self._assigned = {(node, uid): now for node, here in mirror.assignments.items() for uid in here}

    def note_written(self, task: Task, now: float) -> None:
        """As it was until now. It may be deleted, or about to be."""
        if task.spec.min_available:
            self._budgets_changed_at = now
        owner, slot = task.metadata.owner, task.metadata.annotations.get(STANDS_IN_FOR)
        if owner is not None and slot and self._services.available.may_pass(task, 0.0, now):
            self._stood_in[owner.uid, slot] = now

    def note_assignment(
        self, mirror: Mirror, node: str, before: Assignment | None, after: Assignment, who: str, now: float
    ) -> None:
        self._assigned[node, after.uid] = now
        stops = before is not None and before.desired == "Running" and after.desired == "Stopped"
        if before is not None and stops and who.endswith("/evictions"):
            self._contention.forget(after.uid)
            self._check_evicted(mirror, node, before, after, who, now)

    def _check_evicted(
        self, mirror: Mirror, node: str, before: Assignment, after: Assignment, who: str, now: float
    ) -> None:
        name, uid = before.name, before.uid
        lately, once = self._lately(node, now), before.spec.run_once
        if once and not any(said.drain is not None and said.drain.force for said in lately):
            raise Violation(f"{name}, which is to run at most once, was driven off {node}", uid, node)
        because = next((taint for taint, text in _BECAUSE.items() if text in after.reason), None)
        if because == DRAIN_TAINT and patience(before.spec.tolerations, DRAIN_TAINT) == math.inf:
            raise Violation(f"{name}, which tolerates drains, was driven off {node}", uid, node)
        if self._restored_at > now - NEWS:
            return
        if because is not None and not any(because in said.driven for said in lately):
            raise Violation(f"{name} was driven off {node}, and nobody wants that node empty", uid, node)
        clock = self._clocks.get(who.partition("-")[0])
        by_clock = clock.now() if clock is not None and clock.jumped_at <= now - NEWS else math.inf
        if clock is None or any(said.deadline <= by_clock + _ROUNDING < math.inf for said in lately):
            return
        if by_clock == math.inf and any(said.deadline < math.inf for said in lately):
            return  # The time of day was set: who knows what it was when that was decided.
        if once:
            raise Violation(
                f"{name}, which is to run at most once, was driven off {node} before the deadline", uid, node
            )
        self._contention.check_left(mirror, after, f"driven off {node}", now)
        if because is not None:
            self._check_stood_in(mirror, node, uid, now)

    def _lately(self, node: str, now: float) -> list[_Said]:
        """What somebody may take for what holds."""
        known = self._said.get(node, [])
        return [
            said
            for said, then in zip(known, [*(one.at for one in known[1:]), math.inf], strict=True)
            if then > now - NEWS
        ]

    def _check_stood_in(self, mirror: Mirror, node: str, uid: str, now: float) -> None:
        """While it was surely ready, and surely to have a stand-in, for less long than that is waited for."""
        task = mirror.of_uid(uid)
        service = self._services.owner(task) if task is not None else None
        if task is None or service is None or task.metadata.annotations.get(STANDS_IN_FOR):
            return
        update, slot, owner = service.spec.update, task.metadata.labels.get(SLOT, ""), service.metadata.uid
        if service.spec.mode != "replicated" or update.order != "start-first" or not update.surge:
            return
        if service.metadata.deletion_timestamp or self._services.edited.get(owner, -math.inf) > now - NEWS:
            return
        if now - self._driven_since(node) >= min(_UNPLACED, seconds(update.progress_deadline)):
            return
        if (
            not self._services.available.must_pass(task, 0.0, now)
            or self._stood_in.get((owner, slot), 0.0) > now - NEWS
        ):
            return
        others = [one for one in mirror.tasks.values() if one.metadata.annotations.get(STANDS_IN_FOR) == slot]
        own = [one for one in others if self._services.owner(one) is service]
        if not any(self._services.available.may_pass(one, seconds(update.min_ready), now) for one in own):
            raise Violation(f"{task.metadata.name} was driven off {node} before its stand-in was ready", uid, node)

    def _driven_since(self, node: str) -> float:
        """Somebody may not have heard of a short break."""
        at = since = math.inf
        for said in reversed(self._said.get(node, [])):
            if said.driven:
                since = said.at
            elif at - said.at > NEWS:
                break
            at = said.at
        return since

    def check_in_time(self, mirror: Mirror, now: float) -> None:
        """After a transaction: nothing is still to run where it had to be stopped long ago."""
        leader = mirror.leaders.get("controllers", "")
        if leader != self._leads[0]:
            self._leads = leader, now
        if leader and self._drained:
            self._check_unheld(mirror, now)
            self._check_deadlines(mirror, now)

    def _check_unheld(self, mirror: Mirror, now: float) -> None:
        """What nothing keeps is asked to stop, with a deadline or without."""
        for node, said in self._drained.items():
            since = max(said.at, self._leads[1], self._restored_at, self._budgets_changed_at)
            for uid, held in mirror.assignments.get(node, {}).items() if now - since > FORCED_WITHIN else ():
                if self._assigned.get((node, uid), 0.0) >= now - FORCED_WITHIN or not self._has_to_go(
                    mirror, node, uid
                ):
                    continue
                if not self._may_be_kept(mirror, held):
                    raise Violation(
                        f"{held.name} is still to run on {node}, which is drained, and may leave", uid, node
                    )

    def check_settled(self, mirror: Mirror) -> None:
        """What is left where somebody wants a node empty runs to its end, tolerates that, or is kept by a budget."""
        for node, told in self._said.items():
            for uid, held in mirror.assignments.get(node, {}).items() if told[-1].drained else ():
                if held.spec.run_once or not self._has_to_go(mirror, node, uid):
                    continue
                if patience(held.spec.tolerations, DRAIN_TAINT) is None and not self._contention.is_kept(mirror, held):
                    raise Violation(
                        f"{held.name} is left on {node}, which is drained, and is not kept there", uid, node
                    )

    def _may_be_kept(self, mirror: Mirror, held: Assignment) -> bool:
        """By a budget, by a toleration that lasts for a while, to its end, or until another stands in for it."""
        if held.spec.run_once or patience(held.spec.tolerations, DRAIN_TAINT) is not None:
            return True
        task = mirror.of_uid(held.uid)
        service = self._services.owner(task) if task is not None else None
        if service is not None and service.spec.update.order == "start-first":
            return True
        return self._contention.is_protected(mirror, held)

    def _check_deadlines(self, mirror: Mirror, now: float) -> None:
        due = [node for node, said in self._drained.items() if said.deadline < math.inf]
        if not due:
            return
        jumped = max((clock.jumped_at for clock in self._clocks.values()), default=-math.inf)
        if any(clock.ahead for clock in self._clocks.values()):
            return
        for node in due:
            said = self._drained[node]
            over_at = now + said.deadline - next(iter(self._clocks.values())).now()
            since = max(over_at, said.at, self._leads[1], jumped, self._restored_at)
            if now - since > FORCED_WITHIN:
                self._check_empty(mirror, node, now)

    def _check_empty(self, mirror: Mirror, node: str, now: float) -> None:
        drain = self._said[node][-1].drain
        forces = drain is not None and drain.force
        for uid, held in mirror.assignments.get(node, {}).items():
            if held.spec.run_once and not forces:
                continue
            if self._has_to_go(mirror, node, uid) and self._assigned.get((node, uid), 0.0) < now - FORCED_WITHIN:
                raise Violation(f"{held.name} is still to run on {node}, whose drain's deadline was over", uid, node)

    def _has_to_go(self, mirror: Mirror, node: str, uid: str) -> bool:
        held, task = mirror.assignments[node][uid], mirror.of_uid(uid)
        if held.desired != "Running" or mirror.is_over(node, uid):
            return False
        if patience(held.spec.tolerations, DRAIN_TAINT) == math.inf:
            return False
        there = task is not None and task.binding is not None and task.binding.node == node
        return there and task is not None and not task.metadata.deletion_timestamp
