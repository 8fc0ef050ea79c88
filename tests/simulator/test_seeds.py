"""The components as they are, under faults from three hundred seeds. `taskyard simulate` runs as many as one likes."""

from __future__ import annotations

import pytest

from simulator.cluster import Cluster
from simulator.settings import Settings

CALM = Settings(nodes=5, tasks=30, minutes=2.0, faults_per_minute=0.0)
BUSY = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=15.0)
LOSSY = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0, data_loss=True)
CONTENDED = Settings(nodes=2, tasks=20, minutes=1.5, faults_per_minute=30.0, contention=True)
STORMY = Settings(nodes=4, tasks=16, minutes=1.0, faults_per_minute=40.0)
TORN = Settings(nodes=3, tasks=8, minutes=1.5, faults_per_minute=30, services=3, data_loss=True)
LOST = Settings(data_loss=True)
CROWDED = Settings(nodes=2, tasks=20, contention=True, drains=False)


def check(seed: int, settings: Settings) -> None:
    outcome = Cluster(seed, settings).run()
    assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def test_nothing_goes_wrong_without_faults() -> None:
    check(1, CALM)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 160, 8)])
def test_nothing_goes_wrong_under_faults(first: int) -> None:
    for seed in range(first, first + 8):
        check(seed, BUSY)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(1000, 1080, 10)])
def test_nothing_goes_wrong_in_a_storm(first: int) -> None:
    for seed in range(first, first + 10):
        check(seed, STORMY)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(150, 190, 10)])
def test_nothing_goes_wrong_when_the_store_loses_data(first: int) -> None:
    for seed in range(first, first + 10):
        check(seed, LOSSY)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 20, 5)])
def test_nothing_goes_wrong_where_room_is_short(first: int) -> None:
    for seed in range(first, first + 5):
        check(seed, CONTENDED)


@pytest.mark.parametrize(
    ("seed", "settings"),
    [
        pytest.param(48, TORN, id="a maintenance that the restored store has not heard of"),
        pytest.param(60, TORN, id="a lead that is lost and won again while its loops sleep"),
        pytest.param(70003, LOST, id="an init task that has just ended"),
        pytest.param(114, Settings(drains=False), id="containers of what is collected just then"),
        pytest.param(27, CROWDED, id="run once, and stopped to make room"),
        pytest.param(4, CROWDED, id="a budget that its user has taken back"),
        pytest.param(38, CROWDED, id="one of a gang that is smaller by now, brought back where it was"),
    ],
)
def test_the_checker_holds_nothing_against_what_is_right(seed: int, settings: Settings) -> None:
    check(seed, settings)
