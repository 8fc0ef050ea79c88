"""What keeps a singleton from running twice."""

from __future__ import annotations

import math
from typing import Any

import pytest

from controlplane.scheduler import scheduler
from nodeagent import (
    fake_guard,
    guard,
)
from nodeagent.fake_guard import FakeGuard
from nodeagent.registration import Registration
from taskyard.store.api import Store
from tests.simulator.planted.clocks import TimeOfDay
from tests.simulator.planted.invariants import ALONE, NODE_LOST_FIRST
from tests.simulator.planted.plant import WATCHED, Plant


def _watchdog_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FakeGuard, "act", lambda _: math.inf)


def _started_without_a_hold(patch: pytest.MonkeyPatch) -> None:
    """The agent takes it for held, and the watchdog has never heard of it."""
    claimed: set[str] = set()
    patch.setattr(FakeGuard, "hold", lambda _, container, __: claimed.add(container) or True)
    patch.setattr(FakeGuard, "held", property(lambda _: frozenset(claimed)))


def _singleton_moved_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scheduler, "elsewhere", lambda *_: {})


def _fence_after_the_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guard, "fences", lambda deadline, ttl: guard.Fences(deadline + ttl / 2, deadline + ttl))
    patch.setattr(fake_guard, "fences", guard.fences)


def _lease_counted_by_the_time_of_day(patch: pytest.MonkeyPatch) -> None:
    """An agent's, and so when its singletons have to be gone."""
    original = Registration.__init__

    def begin(self: Registration, store: Store, clock: Any, *args: Any, **named: Any) -> None:
        original(self, store, TimeOfDay(clock), *args, **named)

    patch.setattr(Registration, "__init__", begin)


PLANTS: dict[str, Plant] = {
    "watchdog off": Plant(_watchdog_off, (ALONE,)),
    "started without a hold": Plant(_started_without_a_hold, (ALONE,)),
    "singleton moved at once": Plant(_singleton_moved_at_once, (ALONE, NODE_LOST_FIRST)),
    "fence after the lease": Plant(_fence_after_the_lease, (ALONE,)),
    "lease counted by the time of day": Plant(_lease_counted_by_the_time_of_day, (ALONE,), (WATCHED,)),
}
