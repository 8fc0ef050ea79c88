"""All tasks of a revision run one image, also where its tag moves meanwhile, and where it comes back later."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.services.digests import with_digest
from controlplane.services.slots import SlotTask
from controlplane.services.standing import standing
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Phase, Service, Task, TaskState, TaskStatus, TaskTemplate, decode
from taskyard.store.api import Entry
from tests.controlplane.services.web import WEB, a_service, rollout, settle, tasks
from tests.controlplane.services.world import World
from tests.controlplane.services.world import a_service as declared
from tests.support.plane import Plane

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    for name in ("n1", "n2"):
        plane.add_node(name)
    plane.put(WEB, a_service(replicas=3))
    settle(plane)
    return plane


def runs(plane: Plane, name: str, digest: str) -> None:
    """The task runs, of what its node takes the tag for; or of what its spec names."""
    task = tasks(plane)[name]
    assert task.binding is not None
    named = task.spec.image.partition("@")[2]
    status = TaskStatus(
        uid=task.metadata.uid, namespace="default", name=name, epoch=task.binding.epoch, attempt=1,
        state=TaskState.RUNNING, ready=True, image_digest=named or digest,
    )  # fmt: skip
    plane.put(keys.status(task.binding.node, task.metadata.uid), status)
    settle(plane)


def run_all(plane: Plane, digest: str) -> None:
    for _ in range(4):
        for name in sorted(tasks(plane)):
            runs(plane, name, digest)


def change(plane: Plane, **spec: object) -> None:
    entry = plane.store.get(WEB)
    assert entry is not None
    before = decode(entry.value, Service)
    plane.put(WEB, replace(before, spec=replace(before.spec, **spec)))
    settle(plane)


def images(plane: Plane) -> list[str]:
    return [task.spec.image for _, task in sorted(tasks(plane).items())]


def test_the_first_that_runs_says_what_all_are_and_those_that_are_the_same_stay(plane: Plane) -> None:
    runs(plane, "web-1", FIRST)
    assert rollout(plane).revisions[0].digest == FIRST
    run_all(plane, FIRST)
    assert images(plane) == ["a:1"] * 3
    assert {task.metadata.generation for task in tasks(plane).values()} == {1}
    assert rollout(plane).phase is Phase.COMPLETE


def test_one_that_got_another_image_is_brought_to_the_first_one_s(plane: Plane) -> None:
    runs(plane, "web-0", FIRST)
    runs(plane, "web-1", SECOND)
    runs(plane, "web-2", FIRST)
    run_all(plane, SECOND)
    assert images(plane) == [f"a:1@{FIRST}"] * 3, "the others have been started anew meanwhile, and got it, too"
    assert rollout(plane).phase is Phase.COMPLETE


def test_one_that_is_restarted_on_another_image_is_brought_back(plane: Plane) -> None:
    run_all(plane, FIRST)
    assert rollout(plane).phase is Phase.COMPLETE
    runs(plane, "web-2", SECOND)
    assert rollout(plane).phase is Phase.PROGRESSING
    assert images(plane) == ["a:1", "a:1", f"a:1@{FIRST}"]
    (told,) = plane.told("ImagesDiffer")
    assert told.message == "tasks of revision 1 run different images of one tag: all get the one it began with"
    for name in ("web-0", "web-1", "web-2"):
        runs(plane, name, FIRST)
    assert rollout(plane).phase is Phase.COMPLETE


def test_what_is_made_later_names_the_digest_and_another_template_is_resolved_anew(plane: Plane) -> None:
    run_all(plane, FIRST)
    change(plane, replicas=4)
    assert images(plane) == ["a:1", "a:1", "a:1", f"a:1@{FIRST}"]
    run_all(plane, FIRST)
    template = TaskTemplate(spec=replace(tasks(plane)["web-0"].spec, image="a:2"))
    change(plane, template=template)
    run_all(plane, SECOND)
    assert {image.partition("@")[0] for image in images(plane)} == {"a:2"}
    assert [each.digest for each in rollout(plane).revisions] == [FIRST, SECOND]
    change(plane, template=replace(template, spec=replace(template.spec, image="a:1")))
    run_all(plane, SECOND)
    assert images(plane) == [f"a:1@{FIRST}"] * 4
    assert rollout(plane).phase is Phase.COMPLETE


def test_where_the_image_of_a_revision_is_gone_the_service_says_so_and_what_to_do(plane: Plane) -> None:
    run_all(plane, FIRST)
    change(plane, replicas=4)
    task = tasks(plane)["web-3"]
    assert task.binding is not None
    status = TaskStatus(
        uid=task.metadata.uid, namespace="default", name="web-3", epoch=task.binding.epoch,
        state=TaskState.STARTING, reason="ImagePullBackOff", message="manifest unknown",
    )  # fmt: skip
    plane.put(keys.status(task.binding.node, task.metadata.uid), status)
    settle(plane)
    declared = plane.cache.objects[ObjectKey("Service", "default", "web")].value
    assert isinstance(declared, Service)
    assert standing(plane.cache, declared).message == (
        f"1 of its tasks cannot fetch the image of revision 1, {FIRST}: task/web-3: manifest unknown. Push that image"
        " again, or go on with what its tag stands for now: taskyard rollout restart web"
    )
    runs(plane, "web-3", FIRST)
    assert standing(plane.cache, declared).message == ""


def test_images_without_a_digest_go_by_their_tag(plane: Plane) -> None:
    run_all(plane, "")
    assert images(plane) == ["a:1"] * 3
    assert (rollout(plane).phase, rollout(plane).revisions[0].digest) == (Phase.COMPLETE, "")


@pytest.mark.parametrize(
    ("phase", "paused", "expected"),
    [
        pytest.param(Phase.COMPLETE, False, Phase.PROGRESSING, id="over"),
        pytest.param(Phase.ROLLED_BACK, False, Phase.ROLLING_BACK, id="rolled back"),
        pytest.param(Phase.FAILED, False, Phase.FAILED, id="failed"),
        pytest.param(Phase.COMPLETE, True, Phase.COMPLETE, id="paused"),
    ],
)
def test_when_it_is_under_way_again(phase: Phase, paused: bool, expected: Phase) -> None:
    world = World(declared())
    world.run()
    assert world.rollout
    revision = replace(world.rollout.revisions[0], digest=FIRST)
    before = replace(world.rollout, revisions=[revision], phase=phase)
    service = replace(world.service, spec=replace(world.service.spec, paused=paused))
    seen = [seen_as(world.tasks[slot], slot, SECOND if slot == "1" else FIRST) for slot in sorted(world.tasks)]
    assert with_digest(service, before, seen).phase is expected
    same = [seen_as(each.task, each.slot, FIRST) for each in seen]
    assert with_digest(service, before, same) == before


def seen_as(task: Task, slot: str, digest: str) -> SlotTask:
    return SlotTask(slot, task, Entry("", b"", 1, 1), True, 9.0, digest=digest)
