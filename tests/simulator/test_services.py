"""Services under faults: as many tasks as are wanted, of what was declared, whatever happens meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from controlplane.ownership import controller as ownership
from controlplane.services import controller, data, decide, revise, scaling
from simulator.cluster import Cluster
from simulator.settings import Settings
from taskyard.objects import Phase, Rollout, Service
from tests.simulator.planted.invariants import CANARIES, FLOOR
from tests.simulator.planted.plant import Plant, check_caught

SERVICES = Settings(nodes=3, tasks=6, minutes=1.5, faults_per_minute=15.0, services=3)
STORM = replace(SERVICES, faults_per_minute=30.0, drains=False, pushes=False)


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


def _canaries_of_nodes_ignored(patch: pytest.MonkeyPatch) -> None:
    """Of services with one task for each node."""
    original = decide.canaries_of

    def canaries_of(service: Service, rollout: Rollout, slots: int) -> int | None:
        return None if service.spec.mode == "per-node" else original(service, rollout, slots)

    patch.setattr(decide, "canaries_of", canaries_of)


def _promotion_with_the_tasks(patch: pytest.MonkeyPatch) -> None:
    """Other tasks get it in the look in which it is promoted: before that is written."""
    patch.setattr(decide._Rolling, "_promoted", lambda self: setattr(self, "may_get_it", 100))


def _windows_ignored(patch: pytest.MonkeyPatch) -> None:
    """Each recommendation is followed at once."""
    original = controller.rescale

    def hasty(*given: Any) -> Any:
        recent = given[3]
        return original(*given[:3], recent and scaling.Recent(recent.at, ()), given[4])

    patch.setattr(controller, "rescale", hasty)


def _bounds_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scaling, "bound", lambda _autoscale, replicas: int(replicas))


def _cascade_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An owner goes at once, and what it owns stays where it is."""
    patch.setattr(ownership.OwnershipController, "_held", lambda *_: [])


def _floor_ignored(patch: pytest.MonkeyPatch) -> None:
    """However few are available, the next one is taken away."""
    original = decide._Keeping.__init__

    def begin(self: decide._Keeping, situation: decide.Situation) -> None:
        original(self, situation)
        self.floor = -1

    patch.setattr(decide._Keeping, "__init__", begin)


def _numbers_given_out_twice(patch: pytest.MonkeyPatch) -> None:
    """The number after the highest that is kept, when the last one is forgotten as soon as another is declared."""
    original = revise.revise

    def forgetful(service: Service, rollout: Rollout | None, now: str) -> Rollout:
        made = original(service, rollout, now)
        if rollout is None or rollout.phase is not Phase.FAILED or len(rollout.revisions) < 2:
            return made
        if made.revisions[-1].number == rollout.revisions[-1].number:
            return made
        kept = rollout.revisions[:-1]
        known = {each.number for each in kept}
        target = rollout.target if rollout.target in known else kept[-1].number
        return original(service, msgspec.structs.replace(rollout, revisions=kept, target=target), now)

    patch.setattr(controller, "revise", forgetful)


def _goes_back_again_and_again(patch: pytest.MonkeyPatch) -> None:
    """What was rolled back is tried again by itself."""
    original = revise.revise

    def stubborn(service: Service, rollout: Rollout | None, now: str) -> Rollout:
        made = original(service, rollout, now)
        if made.phase is not Phase.ROLLED_BACK or made.target == made.revisions[-1].number:
            return made
        return msgspec.structs.replace(made, phase=Phase.PROGRESSING, target=made.revisions[-1].number)

    patch.setattr(controller, "revise", stubborn)


def _data_not_followed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(data, "_digest", lambda *_: "0" * 12)


PLANTS = [
    Plant(
        _service_compare_dropped,
        (
            r"for a service that is not there",
            r"and its rollout does not say so",
            r"beyond its bounds of",
            FLOOR,
        ),
        (STORM,),
    ),
    Plant(_surge_left_over, (r"service/\w+ has .* and is to have",), (STORM,)),
    Plant(_cascade_forgotten, (r"has outlived its owner",), (STORM,)),
    Plant(_canaries_ignored, (CANARIES,), (STORM,)),
    Plant(_canaries_of_nodes_ignored, (CANARIES,), (STORM,)),
    Plant(_promotion_with_the_tasks, (CANARIES,), (STORM,)),
    Plant(_windows_ignored, (r"service/\w+ went from \d+ to \d+ in",), (STORM,)),
    Plant(_bounds_ignored, (r"beyond its bounds of",), (STORM,)),
    Plant(_floor_ignored, (FLOOR,), (STORM,)),
    Plant(
        _numbers_given_out_twice,
        (
            r"is another template than before",
            r"that is not higher than all before",
            r"went back to the revisions",
        ),
        (STORM,),
    ),
    Plant(
        _goes_back_again_and_again,
        (
            r"nobody asked for another try",
            r"goes back from revision \d+ a second time",
        ),
        (STORM,),
    ),
    Plant(_data_not_followed, (r"follows .* and has no revision for what they are now",), (STORM,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
