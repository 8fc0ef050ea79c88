"""Devices of the node: each is one task's at a time, also across agents, and comes free when its container ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from nodeagent.__main__ import main
from nodeagent.devices import Device, Devices, DevicesTaken, counts
from nodeagent.names import DEVICES, Run
from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.situation import Container
from taskyard.objects import TaskState
from tests.nodeagent.world import UID, World

FIRST, SECOND = Device("gpu", ("/dev/a0", "/dev/a1")), Device("gpu", ("/dev/b0",))
OTHER = "fedcba987654"
ONE = {"generic": {"gpu": 1}}


def container(uid: str, paths: str, state: ContainerState = ContainerState.RUNNING) -> Container:
    return Container(Run(uid, 1, 1), ContainerInfo(uid, f"ty-{uid}-1-1", {DEVICES: paths}, state))


@pytest.mark.parametrize(
    ("here", "wanted", "expected"),
    [
        pytest.param((), {"gpu": 1}, (FIRST,), id="the-first-free"),
        pytest.param((), {"gpu": 2}, (FIRST, SECOND), id="both"),
        pytest.param((container("a", "/dev/a0,/dev/a1"),), {"gpu": 1}, (SECOND,), id="not-what-somebody-has"),
        pytest.param((container("a", "/dev/a1"),), {"gpu": 1}, (SECOND,), id="nor-a-part-of-it"),
        pytest.param((container("a", "/dev/a0", ContainerState.CREATED),), {"gpu": 1}, (SECOND,), id="nor-soon"),
        pytest.param((container("a", "/dev/a0", ContainerState.EXITED),), {"gpu": 1}, (FIRST,), id="what-came-free"),
        pytest.param((), {"license": 3}, (), id="a-number-alone"),
        pytest.param((), {"gpu": 0}, (), id="none"),
    ],
)
def test_which_one_it_gets(here: tuple[Container, ...], wanted: dict[str, int], expected: tuple[Device, ...]) -> None:
    assert Devices([FIRST, SECOND]).choose("x", wanted, here) == expected


def test_what_was_chosen_is_not_chosen_for_another_before_its_container_is_there() -> None:
    devices = Devices([FIRST, SECOND])
    assert devices.choose("x", {"gpu": 1}, ()) == (FIRST,)
    assert devices.choose("y", {"gpu": 1}, ()) == (SECOND,)
    with pytest.raises(DevicesTaken, match="1 gpu wanted, and 0 of 2 on this node free"):
        devices.choose("z", {"gpu": 1}, ())
    assert devices.choose("x", {"gpu": 1}, ()) == (FIRST,)
    devices.settled("x")
    assert devices.choose("z", {"gpu": 1}, ()) == (FIRST,)


def test_a_node_offers_as_many_as_there_are() -> None:
    assert counts([FIRST, SECOND, Device("tpu", ("/dev/t",))]) == {"gpu": 2, "tpu": 1}


def devices_of(world: World, uid: str) -> tuple[str, ...]:
    (found,) = [one for one in world.containers() if uid in one.name]
    return world.runtime.spec_of(found.id).devices


def test_tasks_have_devices_of_their_own_and_the_next_one_waits() -> None:
    world = World(devices=(FIRST, SECOND))
    world.assign(resources=ONE)
    world.assign(uid=OTHER, resources=ONE)
    world.settle()
    assert devices_of(world, UID) == ("/dev/a0", "/dev/a1")
    assert devices_of(world, OTHER) == ("/dev/b0",)
    env = world.runtime.spec_of(world.containers()[0].id).env
    assert "TASKYARD_DEVICES_GPU=/dev/a0,/dev/a1" in env
    third = "aaaaaaaaaaaa"
    world.boot()
    world.assign(uid=third, resources=ONE)
    world.settle()
    status = world.status(third)
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "DevicesTaken", 1)
    world.unassign(UID)
    world.advance(15.0)
    assert world.status(third).state is TaskState.RUNNING
    assert devices_of(world, third) == ("/dev/a0", "/dev/a1")


def test_an_image_that_has_to_come_first_holds_no_device() -> None:
    world = World(devices=(SECOND,), pull_takes=60.0)
    world.runtime.registry.add("slow:1")
    world.assign(image="slow:1", resources=ONE)
    world.settle()
    world.assign(uid=OTHER, resources=ONE)
    world.settle()
    assert world.status(OTHER).state is TaskState.RUNNING


def test_a_start_that_never_was_holds_no_device() -> None:
    world = World(devices=(SECOND,))
    world.settle()
    world.runtime.break_down("hangs")
    world.assign(resources=ONE)
    world.settle()
    world.unassign()
    world.runtime.break_down("")
    world.advance(60.0)
    world.assign(uid=OTHER, resources=ONE)
    world.settle()
    assert world.status(OTHER).state is TaskState.RUNNING


@pytest.mark.parametrize(("policy", "reason"), [("always", "BackOff"), ("never", "StartFailed")])
def test_a_start_that_was_refused_holds_no_device(policy: str, reason: str) -> None:
    world = World(devices=(SECOND,), programs={("nowhere",): Program(refuses_to_start="no such program")})
    world.assign(args=["nowhere"], resources=ONE, restart={"policy": policy})
    world.settle()
    assert (world.status().reason, world.containers()) == (reason, [])
    world.advance(60.0)
    assert world.status().reason == reason
    world.assign(uid=OTHER, resources=ONE)
    world.settle()
    assert world.status(OTHER).state is TaskState.RUNNING


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--device", "gpu"], "not NAME=PATH", id="no-path"),
        pytest.param(["--device", "gpu=card0"], "not NAME=PATH", id="relative"),
        pytest.param(["--device", "gpu=/etc/passwd"], "/etc/passwd is no device file", id="a-file"),
        pytest.param(["--device", "gpu=/dev/nowhere"], "/dev/nowhere is no device file", id="missing"),
        pytest.param(["--device", "gpu=/dev/null", "--device", "tpu=/dev/null"], "given twice", id="twice"),
        pytest.param(["--device", "gpu=/dev/null", "--resource", "gpu=2"], "--resource as well", id="counted-too"),
    ],
)
def test_the_agent_refuses_what_is_no_device(flags: list[str], message: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--data-dir", str(tmp_path / os.urandom(4).hex()), *flags])
    assert result.exit_code == 2
    assert message in result.output
