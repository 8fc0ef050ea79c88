"""A guard of the protocol that is switched off, and in which runs that shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from simulator.settings import Settings

APPLIED = frozenset(range(12))
"""Requests: everybody applies once, and then faults alone change what there is."""
LOOSE = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0)
TIGHT = Settings(nodes=2, tasks=24, minutes=1.5, faults_per_minute=30.0)
LOSSY = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0, data_loss=True)
CONTENDED = Settings(nodes=2, tasks=20, minutes=1.5, faults_per_minute=30.0, contention=True)
CROWDED = Settings(
    nodes=2, tasks=12, faults_per_minute=3.0, contention=True, only_requests=APPLIED, kinds=frozenset({"outnumbered"})
)
UPDATED = Settings(nodes=3, tasks=6, minutes=1.5, faults_per_minute=30.0, services=3, jobs=0)
WATCHED = Settings(nodes=4, tasks=20, minutes=1.5, faults_per_minute=30.0, services=0, jobs=0)


@dataclass(frozen=True)
class Plant:
    switch_off: Callable[[pytest.MonkeyPatch], None]
    under: tuple[Settings, ...] = (LOOSE, TIGHT)
    """Seeds take turns in them."""

    def settings(self, seed: int) -> Settings:
        return self.under[seed % len(self.under)]
