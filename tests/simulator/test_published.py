"""What is published of services under faults: it leads to what is ready, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from controlplane.publishing import controller
from controlplane.services import endpoints
from simulator.cluster import Cluster
from simulator.settings import Settings
from taskyard.store.api import Put

PUBLISHED = Settings(nodes=3, tasks=3, minutes=1.5, faults_per_minute=15.0, services=3, jobs=0, published=True)
LOSSY = replace(PUBLISHED, minutes=1.0, faults_per_minute=30.0, data_loss=True)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 12, 4)])
def test_nothing_goes_wrong_with_what_is_published(first: int) -> None:
    for seed in range(first, first + 4):
        outcome = Cluster(seed, PUBLISHED).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def test_nothing_goes_wrong_with_it_when_the_store_loses_data() -> None:
    for seed in range(4):
        outcome = Cluster(seed, LOSSY).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _nothing_taken_back(patch: pytest.MonkeyPatch) -> None:
    """What is not so any more stays."""
    original = controller.Publisher._changes

    def changes(self: controller.Publisher, key: Any) -> list[Any]:
        return [one for one in original(self, key) if isinstance(one.operations[0], Put)]

    patch.setattr(controller.Publisher, "_changes", changes)


def _never_listed_again(patch: pytest.MonkeyPatch) -> None:
    """What somebody else has done there goes unnoticed for as long as one leads."""
    original = controller.Publisher.everything

    def everything(self: controller.Publisher) -> Any:
        listed = self._listed
        found = original(self)
        self._listed = listed
        return found

    patch.setattr(controller.Publisher, "everything", everything)


def _ready_or_not(patch: pytest.MonkeyPatch) -> None:
    """Each task that has ports is told, whatever becomes of it."""
    original = controller.endpoints_of
    slot_tasks = endpoints.slot_tasks

    def all_of(cache: Any, service: Any) -> Any:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(
                endpoints,
                "slot_tasks",
                lambda *given: [replace(each, ready=bool(each.task.binding)) for each in slot_tasks(*given)],
            )
            within.setattr(endpoints, "_runs", lambda *_: True)
            return original(cache, service)

    patch.setattr(controller, "endpoints_of", all_of)


PLANTS = [_nothing_taken_back, _never_listed_again, _ready_or_not]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_seed_catches(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(Cluster(seed, PUBLISHED).run().violation for seed in range(60))
