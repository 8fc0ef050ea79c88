"""What holds when a node is drained, and when its deadline is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from controlplane.cluster import NodeRecord, rules
from controlplane.evictions import controller, decide, held
from controlplane.placement import snapshots
from controlplane.placement.budgets import Budgets
from controlplane.placement.nodes import NodeFacts
from controlplane.services.decide import _Keeping
from nodeagent.emptying import Emptying
from nodeagent.registration import Registration
from nodeagent.runtime.fake_program import Program
from simulator import drains, drawn_drains
from simulator.settings import Settings
from simulator.specs import PROGRAMS
from taskyard.objects import DRAIN_TAINT, NodeLease, Taint
from tests.simulator.planted.invariants import (
    DRAINED_BUDGET,
    DRAINED_CLOSED,
    DRAINED_IN_TIME,
    MAY_LEAVE,
    NOT_KEPT,
    STOOD_IN,
)
from tests.simulator.planted.plant import Plant

DRAINED = Settings(
    nodes=2, tasks=9, minutes=1.5, faults_per_minute=6.0, services=2, jobs=2, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, drains=True, kinds=frozenset({"drain", "leave"}),
)  # fmt: skip
LEFT = replace(DRAINED, faults_per_minute=12.0, kinds=frozenset({"leave", "jump_clock"}))
FORCED = Settings(
    nodes=2, tasks=0, minutes=1.5, faults_per_minute=6.0, services=0, jobs=3, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, drains=True, kinds=frozenset({"drain"}),
)  # fmt: skip
EMPTIED = Settings(
    nodes=2, tasks=9, minutes=0.5, faults_per_minute=4.0, services=0, jobs=0, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, drains=True, emptied=True, kinds=frozenset({"drain"}),
)  # fmt: skip
SERVED = Settings(
    nodes=2, tasks=0, minutes=0.5, faults_per_minute=4.0, services=3, jobs=0, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, drains=True, emptied=True, kinds=frozenset({"drain"}),
)  # fmt: skip


def _budgets_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Budgets, "take", lambda *_: True)


def _deadline_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(controller, "left", lambda *_: math.inf)


def _deadline_is_now(patch: pytest.MonkeyPatch) -> None:
    """Of any drain that has one."""
    left = decide.left
    patch.setattr(controller, "left", lambda drain, now: 0.0 if left(drain, now) < math.inf else math.inf)


def _once_is_stopped_all_the_same(patch: pytest.MonkeyPatch) -> None:
    """At any deadline, with force or without."""
    patch.setattr(controller, "stays_to_its_end", lambda _: False)


def _force_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Where what is to run once would go on for longer than force may take, which is at once where nothing is late."""
    patch.setattr(controller, "stays_to_its_end", lambda _: True)
    patch.setattr(drains, "FORCED_WITHIN", 5.0)
    patch.setitem(PROGRAMS, ("brief",), Program(runs=20.0))


def _who_tolerates_drains_is_forced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(controller, "forced", lambda node, _, at: decide.forced(node, (), at))
    leave = decide.leave
    patch.setattr(controller, "leave", lambda node, _, since: leave(node, (), since))


def _stand_in_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held.HeldForStandIns, "waits", lambda *_: None)


def _stand_in_need_not_be_ready(patch: pytest.MonkeyPatch) -> None:
    """It need only have a node."""
    awaited = decide.awaited
    patch.setattr(held, "awaited", lambda stage, *rest: None if stage == "starting" else awaited(stage, *rest))


def _stand_in_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Keeping, "_dismissed", lambda _: [])


def _waits_of_the_drain_before_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held.HeldForStandIns, "forget", lambda *_: None)


def _undone_drain_goes_on(patch: pytest.MonkeyPatch) -> None:
    """Once a node was drained, what comes there has to leave."""
    drained: set[tuple[controller.EvictionController, str]] = set()
    taints = controller.EvictionController._taints

    def ever(self: controller.EvictionController, name: str) -> list[Taint]:
        found = taints(self, name)
        drained.update([(self, name)] if DRAIN_TAINT in found else [])
        return [DRAIN_TAINT] if (self, name) in drained else found

    patch.setattr(controller.EvictionController, "_taints", ever)


def _drained_node_is_open(patch: pytest.MonkeyPatch) -> None:
    """Only a cordon keeps tasks off it."""
    facts_of = snapshots._facts_of

    def open_facts(node: NodeRecord) -> NodeFacts:
        facts = facts_of(node)
        return replace(facts, taints=tuple(each for each in facts.taints if each != DRAIN_TAINT))

    patch.setattr(snapshots, "_facts_of", open_facts)


def _agent_ends_at_once(patch: pytest.MonkeyPatch) -> None:
    """Whatever is left."""
    patch.setattr(Emptying, "look", lambda *_: False)


def _agent_forgets_its_drain(patch: pytest.MonkeyPatch) -> None:
    """It says so until there is something else to say."""
    tell = Registration._tell

    def afresh(self: Registration, change: Callable[[NodeLease], NodeLease]) -> None:
        tell(self, lambda value: structs.replace(change(value), draining=False))

    patch.setattr(Registration, "_tell", afresh)


def _agent_s_drain_not_heard(patch: pytest.MonkeyPatch) -> None:
    taints = NodeRecord.taints.fget
    assert taints is not None

    def unheard(node: NodeRecord) -> list[Taint]:
        lease = structs.replace(node.lease, draining=False) if node.lease is not None else None
        return list(taints(structs.replace(node, lease=lease)))

    patch.setattr(NodeRecord, "taints", property(unheard))


def _budget_taken_back_holds(patch: pytest.MonkeyPatch) -> None:
    """Where nobody else has one then."""
    patch.setattr(held.HeldByBudgets, "first_not_kept_by", lambda *_: [])
    patch.setattr(drawn_drains, "LEAST", (0, 0, 0, 0, 9))


def _each_slot_has_a_budget_of_its_own(patch: pytest.MonkeyPatch) -> None:
    """What tells the tasks of a service apart counts."""
    patch.setattr(rules, "OF_ONE_TASK", frozenset())


PLANTS: dict[str, Plant] = {
    "budgets ignored by a drain": Plant(_budgets_ignored, (DRAINED_BUDGET,), (DRAINED,)),
    "deadline of a drain forgotten": Plant(_deadline_forgotten, (DRAINED_IN_TIME,), (DRAINED,)),
    "deadline of a drain is now": Plant(_deadline_is_now, (DRAINED_BUDGET, STOOD_IN), (DRAINED,)),
    "once is stopped all the same": Plant(
        _once_is_stopped_all_the_same, (r"is to run at most once, was driven off",), (DRAINED,)
    ),
    "force is forgotten": Plant(_force_is_forgotten, (DRAINED_IN_TIME,), (FORCED,)),
    "who tolerates drains is forced": Plant(
        _who_tolerates_drains_is_forced, (r"tolerates drains, was driven off",), (DRAINED,)
    ),
    "stand-in not waited for": Plant(_stand_in_not_waited_for, (STOOD_IN,), (DRAINED,)),
    "stand-in need not be ready": Plant(_stand_in_need_not_be_ready, (STOOD_IN,), (DRAINED,)),
    "stand-in stays": Plant(_stand_in_stays, (r"service/\w+ has .* and is to have",), (DRAINED,)),
    "undone drain goes on": Plant(_undone_drain_goes_on, (r"was driven off n\d+, and nobody wants",), (DRAINED,)),
    "drained node is open": Plant(_drained_node_is_open, (DRAINED_CLOSED,), (DRAINED,)),
    "agent ends at once": Plant(_agent_ends_at_once, (r"the agent of n\d+ ended, and \S+ runs there",), (DRAINED,)),
    "agent forgets its drain": Plant(_agent_forgets_its_drain, (r"has forgotten that it is drained",), (LEFT,)),
    "agent's drain not heard": Plant(_agent_s_drain_not_heard, (MAY_LEAVE, DRAINED_CLOSED), (DRAINED,)),
    "budget taken back holds": Plant(_budget_taken_back_holds, (MAY_LEAVE, NOT_KEPT), (EMPTIED,)),
    "each slot has a budget of its own": Plant(_each_slot_has_a_budget_of_its_own, (NOT_KEPT,), (SERVED,)),
    "waits of the drain before count": Plant(_waits_of_the_drain_before_count, (STOOD_IN,), (DRAINED,)),
}
