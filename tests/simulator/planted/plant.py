"""A guard of the protocol that is switched off, which invariants that violates, and in which runs it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from simulator.cluster import Cluster
from simulator.settings import Settings

APPLIED = frozenset(range(20))
"""Requests: everybody applies once, and then faults alone change what there is."""
# Drains and pushes have plants and settings of their own, and would make what others need rarer here.
LOOSE = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0, drains=False, pushes=False)
TIGHT = Settings(nodes=2, tasks=24, minutes=1.5, faults_per_minute=30.0, drains=False, pushes=False)
LOSSY = Settings(
    nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0, data_loss=True, hooks=False, drains=False, pushes=False
)
CONTENDED = Settings(
    nodes=2, tasks=20, minutes=1.5, faults_per_minute=30.0, contention=True, hooks=False, drains=False, pushes=False
)
CROWDED = Settings(
    nodes=2, tasks=20, minutes=2.0, faults_per_minute=4.0, services=0, jobs=0, contention=True,
    only_requests=APPLIED, kinds=frozenset({"outnumbered"}),
)  # fmt: skip
SUCCEEDED = Settings(
    nodes=2, tasks=24, minutes=1.0, faults_per_minute=10.0, services=0, jobs=0, kinds=frozenset({"succeed"})
)
OUTLIVED = Settings(
    nodes=2, tasks=24, minutes=1.5, faults_per_minute=8.0, services=0, jobs=0, kinds=frozenset({"outlived"})
)
UNANSWERED = Settings(
    nodes=2, tasks=12, minutes=1.5, faults_per_minute=60.0, services=0, jobs=0, kinds=frozenset({"lose_a_call"})
)
UPDATED = Settings(
    nodes=3, tasks=6, minutes=1.5, faults_per_minute=30.0, services=3, jobs=0, drains=False, pushes=False
)
WATCHED = Settings(
    nodes=4, tasks=20, minutes=1.5, faults_per_minute=8.0, services=0, jobs=0, kinds=frozenset({"lose_time"})
)


SEEDS = 150
"""One in fifty catches the rarest; whatever shifts a run by one step makes another one do it."""


@dataclass(frozen=True)
class Plant:
    switch_off: Callable[[pytest.MonkeyPatch], None]
    caught_by: tuple[str, ...]
    """The invariants that have to catch it, as patterns of what their checkers say."""
    under: tuple[Settings, ...] = (LOOSE, TIGHT)
    """Seeds take turns in them."""

    def settings(self, seed: int) -> Settings:
        return self.under[seed % len(self.under)]


def check_caught(plant: Plant, patch: pytest.MonkeyPatch, seeds: int = SEEDS) -> None:
    """Fails unless one of the first seeds violates an invariant that the plant names. Another one is no catch: it may
    be what a broken plant brings about, or come only long after what went wrong."""
    plant.switch_off(patch)
    others: dict[str, int] = {}
    for seed in range(seeds):
        violation = Cluster(seed, plant.settings(seed)).run().violation
        if any(re.search(each, violation) for each in plant.caught_by):
            return
        if violation:
            others.setdefault(violation, seed)
    found = "".join(f"\n  seed {seed}: {violation}" for violation, seed in others.items())
    pytest.fail(f"{seeds} seeds do not notice: {' | '.join(plant.caught_by)}{found and f'; but{found}'}")
