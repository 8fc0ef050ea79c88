"""Drains, with a deadline and without, under faults and without: budgets, stand-ins, and nodes that are empty in time.

The guards that `planted/draining.py` switches off are caught with the settings of the second test.
"""

from __future__ import annotations

import pytest

from simulator.cluster import Cluster
from simulator.settings import Settings
from tests.simulator.planted.draining import DRAINED, EMPTIED, SERVED

FAULTY = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=15.0, drains=True)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 12, 4)])
def test_nothing_goes_wrong_with_drains_under_faults(first: int) -> None:
    for seed in range(first, first + 4):
        outcome = Cluster(seed, FAULTY).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(DRAINED, id="drained-alone"),
        pytest.param(EMPTIED, id="drained-in-the-end"),
        pytest.param(SERVED, id="services-with-budgets"),
    ],
)
def test_nothing_goes_wrong_where_nodes_are_drained_alone(settings: Settings) -> None:
    for seed in range(8):
        outcome = Cluster(seed, settings).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"
