"""What a task has on its node beside its containers, volumes and networks, goes with it, and not before."""

from __future__ import annotations

import pytest

from tests.nodeagent.world import OWNER, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_volume_goes_with_its_task_and_not_before(world: World) -> None:
    volumes = [{"name": "data", "target": "/a", "onDelete": "remove"}, {"name": "kept", "target": "/b"}]
    world.assign(volumes=volumes)
    world.settle()
    world.assign(epoch=2, volumes=volumes)
    world.advance(11.0)
    assert [one.name for one in world.runtime.volumes({})] == ["data", "kept"]
    world.assign(epoch=2, volumes=volumes, desired="Stopped")
    world.advance(11.0)
    assert world.status().reason == "Stopped"
    assert [one.name for one in world.runtime.volumes({})] == ["kept"]


def test_a_volume_that_another_task_has_stays_and_is_told(world: World) -> None:
    volumes = [{"name": "data", "target": "/a", "onDelete": "remove"}]
    world.assign(volumes=volumes)
    world.settle()
    world.assign(uid="ba9876543210", volumes=volumes)
    world.settle()
    world.assign(volumes=volumes, desired="Stopped")
    world.advance(11.0)
    assert world.status().reason == "Stopped"
    assert [one.name for one in world.runtime.volumes({})] == ["data"]
    assert "VolumeKept" in world.events.reasons


def test_an_agent_that_comes_back_removes_what_a_task_left(world: World) -> None:
    world.assign(volumes=[{"name": "data", "target": "/a", "onDelete": "remove"}])
    world.settle()
    world.unassign()
    for container in world.containers():
        world.runtime.remove(container.id, force=True)
    world.boot()
    world.settle()
    assert world.runtime.volumes({}) == ()


def test_a_group_s_network_goes_with_its_last_task(world: World) -> None:
    other = "ba9876543210"
    world.assign(network={"group": "front"})
    world.assign(uid=other, network={"group": "front"})
    world.settle()
    (network,) = world.runtime.networks(OWNER.labels)
    assert network.endswith("-default-front")
    world.assign(network={"group": "front"}, desired="Stopped")
    world.advance(11.0)
    assert world.runtime.networks({}) == (network,)
    world.assign(uid=other, network={"group": "front"}, desired="Stopped")
    world.advance(11.0)
    assert world.runtime.networks({}) == ()
