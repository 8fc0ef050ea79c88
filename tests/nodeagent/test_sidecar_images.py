"""Images of sidecars that are missing, or go: waited for, fetched again, and never holding up a task that runs."""

from __future__ import annotations

import pytest

from taskyard.objects import TaskState
from tests.nodeagent.beside import ALL, BESIDE, SHIPPER, a_world, beside, done, running
from tests.nodeagent.world import UID, World


@pytest.fixture
def world() -> World:
    return a_world()


def test_an_image_of_theirs_that_is_missing_is_waited_for_before_the_task_begins(world: World) -> None:
    world.runtime.registry.clear()
    world.assign(sidecars=BESIDE)
    world.advance(6.0)
    assert (world.status().state, world.status().reason) == (TaskState.STARTING, "ImagePullBackOff")
    assert running(world) == ["1-1-net", "1-1-side1"]
    world.runtime.registry.add("tool:1")
    world.advance(20.0)
    assert running(world) == ALL


def test_the_version_before_runs_until_the_task_s_own_image_is_here_and_then_their_network_is_made(
    world: World,
) -> None:
    port = [{"container": 80, "host": 8080}]
    world.assign(ports=port)
    world.settle()
    world.assign(2, image="far:1", ports=port, sidecars=[BESIDE[0]])
    world.advance(6.0)
    assert running(world) == ["1-1"]
    assert world.status().reason == "ImagePullBackOff"
    world.runtime.registry.add("far:1")
    world.advance(20.0)
    assert running(world) == ["2-1", "2-1-net", "2-1-side1"]
    assert (world.status().state, world.status().restarts) == (TaskState.RUNNING, 0)


def without_tool(world: World) -> None:
    """Its sidecars run, and then somebody clears one of them away, and its image with it."""
    world.assign(sidecars=BESIDE)
    world.settle()
    world.runtime.remove(f"ty-{UID}-1-1-side2", force=True)
    world.runtime.images.discard("tool:1")


def test_an_image_of_theirs_that_has_gone_is_fetched_again_beside_the_task(world: World) -> None:
    world.pull_takes = 5.0
    world.boot()
    without_tool(world)
    world.advance(20.0)
    without_tool(world)
    world.advance(2.0)
    shipper = beside(world)["shipper"]
    assert (shipper.state, shipper.message) == ("Pulling", "image tool:1 is being fetched")
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 1)
    assert world.status().message == "not ready: sidecar shipper: image tool:1 is being fetched"
    world.advance(5.0)
    assert running(world) == ALL
    assert (beside(world)["shipper"].state, beside(world)["shipper"].restarts) == ("Running", 0)
    assert (world.status().message, world.status().ready, world.status().restarts) == ("", True, 0)
    assert done(world, "start").count("1-1") == 1


def test_a_new_agent_fetches_it_on(world: World) -> None:
    world.pull_takes = 5.0
    world.boot()
    without_tool(world)
    world.advance(20.0)
    without_tool(world)
    world.advance(2.0)
    world.boot()
    world.advance(7.0)
    assert running(world) == ALL
    assert world.status().ready


def test_one_whose_image_cannot_be_had_again_waits_and_the_task_runs_on(world: World) -> None:
    without_tool(world)
    world.runtime.registry.clear()
    world.advance(2.0)
    shipper = beside(world)["shipper"]
    assert shipper.state == "BackOff"
    assert "could not start: image tool:1 could not be pulled: " in shipper.message
    assert (world.status().state, world.status().reason, world.status().attempt) == (TaskState.RUNNING, "", 1)
    world.advance(60.0)
    assert 4 <= beside(world)["shipper"].restarts <= 8
    world.runtime.registry.add("tool:1")
    world.advance(60.0)
    assert running(world) == ALL
    assert world.status().ready


def test_two_whose_images_have_gone_are_fetched_one_after_the_other(world: World) -> None:
    world.pull_takes = 5.0
    world.runtime.images |= {"tool:1", "tool:2"}
    world.runtime.registry.add("tool:2")
    world.boot()
    world.assign(sidecars=[*BESIDE, {"name": "second", "image": "tool:2", "args": SHIPPER}])
    world.settle()
    for gone in ("side2", "side3"):
        world.runtime.remove(f"ty-{UID}-1-1-{gone}", force=True)
    world.runtime.images -= {"tool:1", "tool:2"}
    world.advance(30.0)
    assert running(world) == [*ALL, "1-1-side3"]
    assert done(world, "start").count("1-1") == 1


def test_none_is_fetched_where_that_is_forbidden(world: World) -> None:
    world.runtime.images.add("tool:1")
    world.assign(sidecars=BESIDE, pullPolicy="Never")
    world.settle()
    world.runtime.remove(f"ty-{UID}-1-1-side2", force=True)
    world.runtime.images.discard("tool:1")
    world.advance(10.0)
    assert "tool:1" not in world.runtime.images
    assert (
        "image tool:1 is not on this node, and pullPolicy Never forbids to fetch it" in beside(world)["shipper"].message
    )
