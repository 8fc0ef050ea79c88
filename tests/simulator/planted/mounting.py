"""What agents do with Secrets and Configs as files."""

from __future__ import annotations

import pytest

from nodeagent import starting
from nodeagent.freshness import Freshness
from nodeagent.preparation import Preparer
from simulator.settings import Settings
from tests.simulator.planted.invariants import FILES, FILES_GONE
from tests.simulator.planted.plant import Plant

MOUNTED = Settings(nodes=2, tasks=8, minutes=1.0, faults_per_minute=20.0, services=0, jobs=0, beside=False, files=True)


def _files_not_renewed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freshness, "_renew", lambda *_: None)


def _nobody_restarted_for_values(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freshness, "outdated", lambda *_: "")


def _files_left_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Preparer, "clear", lambda *_: None)


def _files_forgotten_until_a_container_is_made(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(starting, "_leaves_something", lambda _: False)


PLANTS: dict[str, Plant] = {
    "files not renewed": Plant(_files_not_renewed, (FILES,), (MOUNTED,)),
    "nobody restarted for values": Plant(_nobody_restarted_for_values, (FILES,), (MOUNTED,)),
    "files left behind": Plant(_files_left_behind, (FILES_GONE,), (MOUNTED,)),
    "files forgotten until a container is made": Plant(
        _files_forgotten_until_a_container_is_made, (FILES_GONE,), (MOUNTED,)
    ),
}
