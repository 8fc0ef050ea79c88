"""What holds when a node is drained, and when its deadline is over."""

from __future__ import annotations

import math

import pytest

from controlplane.evictions import controller, decide, held
from controlplane.placement.budgets import Budgets
from controlplane.services.decide import _Keeping
from nodeagent.runtime.fake_program import Program
from simulator.drains import FORCED_WITHIN
from simulator.settings import Settings
from simulator.specs import PROGRAMS
from tests.simulator.planted.invariants import DRAINED_BUDGET, DRAINED_IN_TIME, STOOD_IN
from tests.simulator.planted.plant import Plant

DRAINED = Settings(
    nodes=2, tasks=9, minutes=1.5, faults_per_minute=6.0, services=2, jobs=2, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, drains=True, kinds=frozenset({"drain"}),
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
    """Where what is to run once would go on for longer than force may take."""
    patch.setattr(controller, "stays_to_its_end", lambda _: True)
    patch.setitem(PROGRAMS, ("brief",), Program(runs=FORCED_WITHIN + 20.0))


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


PLANTS: dict[str, Plant] = {
    "budgets ignored by a drain": Plant(_budgets_ignored, (DRAINED_BUDGET,), (DRAINED,)),
    "deadline of a drain forgotten": Plant(_deadline_forgotten, (DRAINED_IN_TIME,), (DRAINED,)),
    "deadline of a drain is now": Plant(_deadline_is_now, (DRAINED_BUDGET, STOOD_IN), (DRAINED,)),
    "once is stopped all the same": Plant(
        _once_is_stopped_all_the_same, (r"is to run at most once, was driven off",), (DRAINED,)
    ),
    "force is forgotten": Plant(_force_is_forgotten, (DRAINED_IN_TIME,), (DRAINED,)),
    "who tolerates drains is forced": Plant(
        _who_tolerates_drains_is_forced, (r"tolerates drains, was driven off",), (DRAINED,)
    ),
    "stand-in not waited for": Plant(_stand_in_not_waited_for, (STOOD_IN,), (DRAINED,)),
    "stand-in need not be ready": Plant(_stand_in_need_not_be_ready, (STOOD_IN,), (DRAINED,)),
    "stand-in stays": Plant(_stand_in_stays, (r"service/\w+ has .* and is to have",), (DRAINED,)),
    "waits of the drain before count": Plant(_waits_of_the_drain_before_count, (STOOD_IN,), (DRAINED,)),
}
