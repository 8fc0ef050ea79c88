"""Services whose tag is pushed again while they are rolled out: each revision keeps one image, and all get it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from controlplane.services import controller, decide, digests, standing
from controlplane.services.slots import SlotTask, changed_task
from nodeagent import progress, restart
from simulator.cluster import Cluster
from simulator.settings import Settings
from taskyard.objects import Revision, Rollout, Service, Task
from tests.simulator.planted.plant import Plant, check_caught

PUSHED = Settings(
    nodes=3, tasks=3, minutes=1.5, faults_per_minute=10.0, services=3, jobs=0, crons=0, beside=False, files=False,
    hooks=False, limited=False, published=False, pushes=True, kinds=frozenset({"push", "sweep"}),
)  # fmt: skip
FAULTY = Settings(nodes=3, tasks=6, minutes=1.5, faults_per_minute=20.0, services=3, jobs=0, pushes=True)
OTHER_IMAGE = r"runs sha256:\w+, and its service is"


@pytest.mark.parametrize(
    "settings", [pytest.param(PUSHED, id="pushed-alone"), pytest.param(FAULTY, id="among-other-faults")]
)
def test_nothing_goes_wrong_with_a_tag_that_moves(settings: Settings) -> None:
    for seed in range(6):
        outcome = Cluster(seed, settings).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _whatever_the_tag_stands_for(patch: pytest.MonkeyPatch) -> None:
    """What runs the template runs the revision."""

    def wanted(service: Service, revision: Revision, each: SlotTask) -> Task:
        same = digests._is_plain(service, revision, each)
        return changed_task(service, revision.template if same else revision.pinned, each.slot, each.task)

    for module in (decide, digests):
        patch.setattr(module, "wanted_task", wanted)


def _the_last_one_says_it(patch: pytest.MonkeyPatch) -> None:
    """Each look takes what some task runs then, in place of what the revision has."""
    original = digests.with_digest

    def forgetful(service: Service, rollout: Rollout, tasks: Sequence[SlotTask]) -> Rollout:
        bare = [replace(each, digest="") if each.number == rollout.target else each for each in rollout.revisions]
        said = original(service, replace(rollout, revisions=bare), list(reversed(tasks)))
        return said if said.revision(said.target).digest else original(service, rollout, tasks)

    patch.setattr(controller, "with_digest", forgetful)


def _made_of_the_tag(patch: pytest.MonkeyPatch) -> None:
    """Whatever it stands for by then."""
    patch.setattr(Revision, "pinned", property(lambda revision: revision.template))


def _gone_image_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standing, "_image_is_gone", lambda *_: "")


def _shown_without_its_data(patch: pytest.MonkeyPatch) -> None:
    """A service that follows a Config is held against a template that nobody rolls out."""
    patch.setattr(standing, "with_data", lambda _, service: service)


def _waits_for_images_do_not_grow(patch: pytest.MonkeyPatch) -> None:
    wait_before = restart.wait_before
    patch.setattr(progress, "wait_before", lambda backoff, step, luck=0.0: wait_before(backoff, min(step, 1), luck))


PLANTS = [
    Plant(_gone_image_not_told, (r"does not say that its image is gone",), (PUSHED,)),
    Plant(_shown_without_its_data, (r"service/s\d is \w+, and \w+ shows it as Progressing",), (PUSHED,)),
    Plant(_waits_for_images_do_not_grow, (r"asks again [\d.]+ s after its image was not found",), (PUSHED,)),
    Plant(_whatever_the_tag_stands_for, (OTHER_IMAGE,), (PUSHED,)),
    Plant(_the_last_one_says_it, (r"has the image \S+, not", OTHER_IMAGE), (PUSHED,)),
    Plant(_made_of_the_tag, (OTHER_IMAGE,), (PUSHED,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch, seeds=40)
