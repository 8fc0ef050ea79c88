"""Limits and defaults of a namespace under faults: what is accepted keeps them, and says what was filled in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.admission import writer
from controlplane.defaults import admitted, as_written
from controlplane.scheduler import held_back
from simulator.cluster import Cluster
from simulator.settings import Settings
from taskyard.objects import AnyObject, TaskDefaults
from tests.simulator.planted.plant import Plant, check_caught

LIMITED = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=15.0, services=0, jobs=0, limited=True)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 16, 4)])
def test_nothing_goes_wrong_with_limits_and_defaults(first: int) -> None:
    for seed in range(first, first + 4):
        outcome = Cluster(seed, LIMITED).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _accepted_whatever_it_asks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "beyond_limits", lambda *_: None)


def _placed_whatever_it_asks(patch: pytest.MonkeyPatch) -> None:
    """What came past admission is not held back."""
    patch.setattr(held_back, "held_by_limits", lambda *_: "")


def _filled_in_and_not_noted(patch: pytest.MonkeyPatch) -> None:
    def silently(value: AnyObject, existing: AnyObject | None, defaults: TaskDefaults) -> AnyObject:
        made = admitted(value, existing, defaults)
        return replace(made, metadata=replace(made.metadata, defaulted=[]))

    patch.setattr(writer, "admitted", silently)


def _filled_in_anew_each_time(patch: pytest.MonkeyPatch) -> None:
    """Also where its author changes nothing."""

    def anew(value: AnyObject, _: AnyObject | None, defaults: TaskDefaults) -> AnyObject:
        return admitted(as_written(value), None, defaults)

    patch.setattr(writer, "admitted", anew)


def _nothing_filled_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "admitted", lambda value, *_: value)


PLANTS = [
    Plant(_accepted_whatever_it_asks, (r"was accepted beyond the limits",), (LIMITED,)),
    Plant(_placed_whatever_it_asks, (r"was bound beyond the limits",), (LIMITED,)),
    Plant(_filled_in_and_not_noted, (r"told wrongly whether that was filled in",), (LIMITED,)),
    Plant(
        _filled_in_anew_each_time,
        (
            r"of the same spec of .* other fields count",
            r"says nothing of",
        ),
        (LIMITED,),
    ),
    Plant(_nothing_filled_in, (r"says nothing of",), (LIMITED,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
