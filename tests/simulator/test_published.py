"""What is published of services under faults: it leads to what is ready, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlplane.publishing import controller
from controlplane.services import endpoints
from simulator.cluster import Cluster
from simulator.settings import Settings
from taskyard.store.api import Put
from tests.simulator.planted.invariants import LEADS_NOWHERE, PUBLISHED_IN_THE_END
from tests.simulator.planted.plant import Plant, check_caught

PUBLISHED = Settings(nodes=3, tasks=3, minutes=1.5, faults_per_minute=15.0, services=3, jobs=0, published=True)
LOSSY = replace(PUBLISHED, minutes=1.0, faults_per_minute=30.0, data_loss=True)

STRANDED = replace(PUBLISHED, minutes=2.0, faults_per_minute=2.0, kinds=frozenset({"strand"}))


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


def _deaf_to_lost_nodes(patch: pytest.MonkeyPatch) -> None:
    """That a node is gone is no news of the services that have tasks there."""
    touched = controller.services_touched
    patch.setattr(
        controller, "services_touched", lambda cache, news: [] if news.kind == "node" else touched(cache, news)
    )


PLANTS = [
    Plant(_nothing_taken_back, (LEADS_NOWHERE,), (PUBLISHED,)),
    Plant(_never_listed_again, (PUBLISHED_IN_THE_END,), (PUBLISHED,)),
    Plant(_ready_or_not, (LEADS_NOWHERE,), (PUBLISHED,)),
    Plant(
        _deaf_to_lost_nodes,
        (
            LEADS_NOWHERE,
            PUBLISHED_IN_THE_END,
        ),
        (STRANDED,),
    ),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
