"""Each guard of the protocol, switched off, is missed by some seed: else the checker or the faults have a hole."""

from __future__ import annotations

import pytest

from simulator.cluster import Cluster
from tests.simulator.planted import PLANTED

SEEDS = 150
"""One in fifty catches the rarest; whatever shifts a run by one step makes another one do it."""


@pytest.mark.parametrize("name", [pytest.param(name, id=name.replace(" ", "-")) for name in PLANTED])
def test_a_seed_catches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = PLANTED[name]
    plant.switch_off(monkeypatch)
    for seed in range(SEEDS):
        if Cluster(seed, plant.settings(seed)).run().violation:
            return
    pytest.fail(f"{SEEDS} seeds do not notice: {name}")
