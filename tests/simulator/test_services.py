"""Services under faults: as many tasks as are wanted, of what was declared, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from controlplane.ownership import controller as ownership
from controlplane.services import controller, decide
from simulator.cluster import Cluster, Settings

SERVICES = Settings(nodes=3, tasks=6, minutes=1.5, faults_per_minute=15.0, services=3)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 24, 6)])
def test_nothing_goes_wrong_with_services(first: int) -> None:
    for seed in range(first, first + 6):
        outcome = Cluster(seed, SERVICES).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _service_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    """What is made or changed for a service no longer rests on the service as it is."""
    original = controller.ServiceController._proposals

    def proposals(self: controller.ServiceController, *args: Any) -> list[Any]:
        made = original(self, *args)
        kept = [tuple(c for c in one.compares if "/services/" not in c.key) for one in made]
        return [msgspec.structs.replace(one, compares=left) for one, left in zip(made, kept, strict=True)]

    patch.setattr(controller.ServiceController, "_proposals", proposals)


def _surge_left_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide._Keeping, "_thin_out", lambda *_: None)
    original = decide._Keeping.decide

    def without_removals(self: decide._Keeping) -> decide.Decision:
        decision = original(self)
        decision.removes.clear()
        return decision

    patch.setattr(decide._Keeping, "decide", without_removals)


def _canaries_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "canaries_of", lambda *_: None)


def _promotion_with_the_tasks(patch: pytest.MonkeyPatch) -> None:
    """Other tasks get it in the look in which it is promoted: before that is written."""
    patch.setattr(decide._Rolling, "_promoted", lambda self: setattr(self, "may_get_it", 100))


def _cascade_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An owner goes at once, and what it owns stays where it is."""
    patch.setattr(ownership.OwnershipController, "_held", lambda *_: [])


@pytest.mark.parametrize(
    "plant",
    [_service_compare_dropped, _surge_left_over, _canaries_ignored, _promotion_with_the_tasks, _cascade_forgotten],
)
def test_a_seed_catches(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    storm = replace(SERVICES, faults_per_minute=30.0)
    assert any(Cluster(seed, storm).run().violation for seed in range(150))
