"""What decides on how many tasks an autoscaled service has."""

from __future__ import annotations

import pytest

from controlplane.services import loads, scaling
from simulator.settings import Settings
from tests.simulator.planted.plant import Plant

SCALED = Settings(
    nodes=2, tasks=0, minutes=1.5, faults_per_minute=2.0, services=3, jobs=0, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, kinds=frozenset({"hurry"}),
)  # fmt: skip

UNDISTURBED = Settings(
    nodes=3, tasks=0, minutes=4.0, faults_per_minute=3.0, services=3, jobs=0, hooks=False, drains=False, pushes=False,
    beside=False, files=False,
)  # fmt: skip
"""Raised more often: each crash of a leader has it wait for new measurements."""


def _metric_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loads, "_told", lambda *_: None)


def _more_than_called_for(patch: pytest.MonkeyPatch) -> None:
    wish = scaling._wish

    def one_more(load: scaling.Load, current: int) -> float | None:
        found = wish(load, current)
        return found if found is None or found <= current else found + 1

    patch.setattr(scaling, "_wish", one_more)


PLANTS: dict[str, Plant] = {
    "metric not heard": Plant(_metric_not_heard, (r"service/s\d has \d tasks, and their load is",), (SCALED,)),
    "more than called for": Plant(
        _more_than_called_for, (r"was scaled to \d, and its tasks' load is",), (UNDISTURBED,)
    ),
}
