"""The components as they are, under faults from three hundred seeds. `taskyard simulate` runs as many as one likes."""

from __future__ import annotations

import pytest

from simulator.cluster import Cluster, Settings

CALM = Settings(nodes=5, tasks=30, minutes=2.0, faults_per_minute=0.0)
BUSY = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=15.0)
STORMY = Settings(nodes=4, tasks=16, minutes=1.0, faults_per_minute=40.0)


def check(seed: int, settings: Settings) -> None:
    outcome = Cluster(seed, settings).run()
    assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def test_nothing_goes_wrong_without_faults() -> None:
    check(1, CALM)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 160, 8)])
def test_nothing_goes_wrong_under_faults(first: int) -> None:
    for seed in range(first, first + 8):
        check(seed, BUSY)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(1000, 1140, 10)])
def test_nothing_goes_wrong_in_a_storm(first: int) -> None:
    for seed in range(first, first + 10):
        check(seed, STORMY)
