"""Crons under faults, while leaders come and go: one job for each time, of a cron that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from controlplane.crons import controller
from simulator.cluster import Cluster
from simulator.settings import Settings
from tests.simulator.planted.plant import Plant, check_caught

CRONS = Settings(nodes=2, tasks=3, minutes=3.5, faults_per_minute=20.0, crons=3)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 12, 4)])
def test_nothing_goes_wrong_with_crons(first: int) -> None:
    for seed in range(first, first + 4):
        outcome = Cluster(seed, CRONS).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _record_left_out(patch: pytest.MonkeyPatch) -> None:
    """The job is made, and that its time was seen to is not written with it."""
    original = controller.CronController._proposals

    def proposals(self: controller.CronController, *args: Any) -> list[Any]:
        made = original(self, *args)
        kept = [tuple(op for op in one.operations if "/ticks/" not in op.key) for one in made]
        return [msgspec.structs.replace(one, operations=left) for one, left in zip(made, kept, strict=True) if left]

    patch.setattr(controller.CronController, "_proposals", proposals)


def _made_early(patch: pytest.MonkeyPatch) -> None:
    """What is due within half a minute counts as due."""
    pending, decide = controller.pending, controller.decide
    patch.setattr(controller, "pending", lambda cron, run, now: pending(cron, run, now + 30))
    patch.setattr(controller, "decide", lambda situation: decide(replace(situation, now=situation.now + 30)))


PLANTS = [
    Plant(_record_left_out, (r"made .* for .*, and there was one before",), (CRONS,)),
    Plant(_made_early, (r"made .* at revision \d+, before",), (CRONS,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
