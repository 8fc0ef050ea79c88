"""History under faults, while leaders come and go: none is forgotten too early, and none is kept for ever."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.past import keeper
from simulator.cluster import Cluster
from simulator.settings import Settings
from tests.simulator.planted.invariants import HISTORY_FORGOTTEN, HISTORY_KEPT
from tests.simulator.planted.plant import Plant, check_caught

RETAINED = Settings(nodes=2, tasks=6, minutes=2.0, faults_per_minute=20.0, services=0, jobs=0, retained=True)


def test_nothing_goes_wrong_with_history() -> None:
    for seed in range(8):
        outcome = Cluster(seed, RETAINED).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _never_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keeper.HistoryKeeper, "_compact", lambda _: None)


def _forgotten_at_once(patch: pytest.MonkeyPatch) -> None:
    """Up to what is current."""
    patch.setattr(keeper.Passed, "current_at", lambda self, _: self._seen[-1][1])


def _known_from_the_start(patch: pytest.MonkeyPatch) -> None:
    """Of what was there before it began a process takes it that it was there for long."""
    original = keeper.Passed.current_at

    def current_at(self: keeper.Passed, moment: float) -> int:
        return original(self, moment) or self._seen[0][1]

    patch.setattr(keeper.Passed, "current_at", current_at)


def _as_long_as_between_two_marks(patch: pytest.MonkeyPatch) -> None:
    original: Any = keeper.Passed.current_at
    patch.setattr(keeper.Passed, "current_at", lambda self, moment: original(self, moment + keeper.MARK_EVERY * 3))


PLANTS = [
    Plant(_never_forgotten, (HISTORY_FORGOTTEN,), (RETAINED,)),
    Plant(_forgotten_at_once, (HISTORY_KEPT,), (RETAINED,)),
    Plant(_known_from_the_start, (HISTORY_KEPT,), (RETAINED,)),
    Plant(_as_long_as_between_two_marks, (HISTORY_KEPT,), (RETAINED,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
