"""Each guard of the protocol, switched off, is missed by some seed: else the checker or the faults have a hole."""

from __future__ import annotations

import pytest

from simulator.cluster import Cluster, Settings
from tests.simulator.planted import PLANTED

SEEDS = 150
"""One in fifty catches the rarest; whatever shifts a run by one step makes another one do it."""
LOOSE = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0)
TIGHT = Settings(nodes=2, tasks=24, minutes=1.5, faults_per_minute=30.0)


@pytest.mark.parametrize("name", [pytest.param(name, id=name.replace(" ", "-")) for name in PLANTED])
def test_a_seed_catches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[name](monkeypatch)
    for seed in range(SEEDS):
        if Cluster(seed, TIGHT if seed % 2 else LOOSE).run().violation:
            return
    pytest.fail(f"{SEEDS} seeds do not notice: {name}")
