"""Names, labels and values that are not of our making: the agent leaves alone what is not its own."""

from __future__ import annotations

import pytest

from nodeagent import names
from nodeagent.runtime.port import ContainerSpec
from taskyard import keys
from taskyard.objects import TaskState
from taskyard.store.api import Put
from tests.nodeagent.world import UID, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_name_that_somebody_else_has_is_waited_for_and_they_are_left_alone(world: World, policy: str) -> None:
    foreign = world.runtime.create(ContainerSpec(f"ty-{UID}-1-1", "busybox:1.35", {names.CLUSTER: "other"}))
    world.runtime.start(foreign)
    world.assign(restart={"policy": policy})
    world.settle()
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "NameTaken", 1)
    assert status.message.endswith("rename or remove it; next try in 1s")
    world.advance(60.0)
    assert len([call for call in world.runtime.calls if call.startswith("create")]) < 10
    assert [one.id for one in world.containers()] == [foreign]
    world.runtime.remove(foreign, force=True)
    world.advance(70.0)
    assert (world.status().state, world.status().attempt) == (TaskState.RUNNING, 1)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("ty-0123456789ab-1-1", {names.NODE: "n2"}, id="another-node"),
        pytest.param("ty-0123456789ab-1-1", {names.CLUSTER: "other"}, id="another-cluster"),
        pytest.param("mine", {}, id="another-name"),
        pytest.param("ty-0123456789ab-1-2", {}, id="a-name-that-does-not-match"),
        pytest.param("ty-0123456789ab-01-1", {names.EPOCH: "01"}, id="a-count-that-is-not-one"),
        pytest.param("ty-XYZ-1-1", {names.UID: "XYZ"}, id="no-uid"),
    ],
)
def test_imitations_are_left_alone(world: World, name: str, changes: dict[str, str]) -> None:
    labels = world.owner.labels | {names.UID: UID, names.EPOCH: "1", names.ATTEMPT: "1"} | changes
    container = world.runtime.create(ContainerSpec(name, "busybox:1.35", labels))
    world.runtime.start(container)
    world.advance(40.0)
    assert world.running() == [name]


@pytest.mark.parametrize("label", ["taskyard/step", "taskyard/stop-delay", "taskyard/pre-stop"])
def test_labels_of_an_image_do_not_pass_for_ours(world: World, label: str) -> None:
    """The runtime gives a container those of its image that it was not given itself."""
    world.assign(containerLabels={label: "77"})
    world.settle()
    assert world.running() == [f"ty-{UID}-1-1"]
    world.boot()
    world.settle()
    world.assign(epoch=2)
    world.settle()
    world.advance(20.0)
    assert world.running() == [f"ty-{UID}-2-1"]


def test_an_assignment_that_cannot_be_read_is_quarantined_and_nothing_stops(world: World) -> None:
    world.assign()
    world.settle()
    world.memory.commit([], [Put(keys.assignment("n1", UID), b'{"uid": 7')])
    world.settle()
    assert world.running()
    assert "Quarantined" in world.events.reasons
    world.assign(2)
    world.settle()
    assert world.running() == [f"ty-{UID}-2-1"]


def test_a_status_that_somebody_deleted_is_written_again(world: World) -> None:
    world.assign()
    world.settle()
    before = world.status()
    world.memory.commit([], [Put(keys.status("n1", UID), b"rubbish")])
    world.settle()
    assert world.status() == before
