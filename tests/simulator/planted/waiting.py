"""How long tasks wait for others."""

from __future__ import annotations

import pytest

from controlplane.placement import pending
from controlplane.scheduler import held_back
from simulator.settings import Settings
from tests.simulator.planted.plant import Plant

DEPENDENT = Settings(nodes=3, tasks=20, minutes=1.5, faults_per_minute=10.0, jobs=1)


def _timeout_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held_back, "time_left", lambda *_: None)


def _timeout_not_shown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pending, "time_left", lambda *_: None)


def _timeout_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held_back, "time_left", lambda *_: -1.0)


PLANTS: dict[str, Plant] = {
    "timeout not told": Plant(_timeout_not_told, (r"and nobody was told",), (DEPENDENT,)),
    "timeout not shown": Plant(_timeout_not_shown, (r"beyond its timeout, and is shown as",), (DEPENDENT,)),
    "timeout at once": Plant(_timeout_at_once, (r"is told to have waited for too long, and has not",), (DEPENDENT,)),
}
