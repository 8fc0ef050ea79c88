"""Which image a tag stood for: containers are made of that one, and say so; one for other machines does not run."""

from __future__ import annotations

import pytest

from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerSpec, ImageInfo, ImageMissing
from nodeagent.runtime.remembering import KEPT, RememberingRuntime
from taskyard.clock import ManualClock
from taskyard.objects import TaskState
from tests.nodeagent.world import UID, World

IMAGE = "busybox:1.35"
FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def world() -> World:
    world = World()
    world.runtime.infos[IMAGE] = ImageInfo(FIRST)
    return world


def made_of(world: World) -> str:
    return world.runtime.spec_of(world.containers()[-1].id).image


def test_a_container_is_made_of_what_its_tag_stands_for_and_says_so(world: World) -> None:
    world.assign()
    world.settle()
    assert made_of(world) == f"{IMAGE}@{FIRST}"
    assert world.status().image_digest == FIRST


def test_the_next_attempt_takes_what_the_tag_stands_for_then(world: World) -> None:
    world.assign()
    world.settle()
    world.runtime.infos[IMAGE] = ImageInfo(SECOND)
    world.runtime.end(world.containers()[0].id, "SIGKILL")
    world.advance(3.0)
    assert made_of(world) == f"{IMAGE}@{SECOND}"
    assert (world.status().attempt, world.status().image_digest) == (2, SECOND)


def test_a_new_agent_still_knows_the_digest_of_what_runs(world: World) -> None:
    world.assign()
    world.settle()
    world.runtime.infos[IMAGE] = ImageInfo(SECOND)
    world.boot()
    world.settle()
    assert world.status().image_digest == FIRST


def test_an_image_that_came_from_no_registry_goes_by_its_tag(world: World) -> None:
    world.runtime.infos.clear()
    world.assign()
    world.settle()
    assert (made_of(world), world.status().image_digest) == (IMAGE, "")


def test_a_digest_in_the_manifest_is_taken_as_it_is(world: World) -> None:
    pinned = f"busybox@{SECOND}"
    world.runtime.images.add("busybox")
    world.runtime.images.add(pinned)
    world.assign(image=pinned)
    world.settle()
    assert (made_of(world), world.status().image_digest) == (pinned, SECOND)


@pytest.mark.parametrize("here", [True, False])
def test_an_image_for_another_kind_of_machine_says_so_and_is_looked_at_again(world: World, here: bool) -> None:
    world.runtime.registry.add(IMAGE)
    if not here:
        world.runtime.images.clear()
    world.runtime.infos[IMAGE] = ImageInfo(FIRST, "linux/arm64")
    world.assign(restart={"policy": "never"})
    world.settle()
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "WrongPlatform", 1)
    assert f"image {IMAGE} is for linux/arm64, and this node is not" in status.message
    world.runtime.infos[IMAGE] = ImageInfo(SECOND)
    world.advance(3.0)
    assert world.running() == [f"ty-{UID}-1-1"]


def test_an_update_to_an_image_for_another_kind_of_machine_stops_nothing(world: World) -> None:
    world.assign()
    world.settle()
    world.runtime.images.add("web:2")
    world.runtime.infos["web:2"] = ImageInfo(SECOND, "linux/arm64")
    world.assign(2, image="web:2")
    world.advance(60.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status().reason == "WrongPlatform"


def remembering() -> tuple[ManualClock, FakeRuntime, RememberingRuntime]:
    clock = ManualClock()
    runtime = FakeRuntime(clock, infos={IMAGE: ImageInfo(FIRST)})
    return clock, runtime, RememberingRuntime(runtime, clock)


def test_many_starts_ask_once_and_later_ones_again() -> None:
    clock, runtime, agent = remembering()
    for _ in range(100):
        assert agent.find_image(IMAGE) == ImageInfo(FIRST)
    assert runtime.calls == [f"image {IMAGE}"]
    runtime.infos[IMAGE] = ImageInfo(SECOND)
    clock.advance(KEPT + 0.1)
    assert agent.find_image(IMAGE) == ImageInfo(SECOND)


def test_what_was_fetched_or_removed_is_asked_for_again() -> None:
    _, runtime, agent = remembering()
    runtime.registry.add(IMAGE)
    agent.find_image(IMAGE)
    runtime.infos[IMAGE] = ImageInfo(SECOND)
    agent.pull(IMAGE).run()
    assert agent.find_image(IMAGE) == ImageInfo(SECOND)
    agent.remove_image(IMAGE)
    assert agent.find_image(IMAGE) is None
    runtime.images.add(IMAGE)
    assert agent.find_image(IMAGE)


def test_an_image_that_turns_out_to_be_gone_is_asked_for_again() -> None:
    _, runtime, agent = remembering()
    agent.find_image(IMAGE)
    runtime.images.clear()
    with pytest.raises(ImageMissing):
        agent.create(ContainerSpec("a", IMAGE, {}))
    assert agent.find_image(IMAGE) is None
