"""What every Runtime promises: the fake keeps it in virtual time, Docker on a real engine."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.port import (
    PAUSE_IMAGE,
    ContainerSpec,
    ContainerState,
    ImageMissing,
    Mount,
    NameConflict,
    PortMapping,
    Probe,
    RuntimeRefused,
    RuntimeUnavailable,
    VolumeSummary,
)
from nodeagent.runtime.process_ends import tells_how
from nodeagent.runtime.settings import LimitSettings, NetworkSettings
from tests.nodeagent.runtime import harness as programs
from tests.nodeagent.runtime.harness import FakeHarness, Harness, RealHarness
from tests.support.docker_engine import DockerEngine


@pytest.fixture
def label() -> str:
    return uuid.uuid4().hex


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def world(request: pytest.FixtureRequest, label: str) -> Iterator[Harness]:
    if request.param == "fake":
        yield FakeHarness.fresh()
        return
    engine: DockerEngine = request.getfixturevalue("docker_engine")
    runtime = DockerRuntime(engine.host)
    yield RealHarness(runtime)
    runtime.close()
    engine.remove_all(f"taskyard/test={label}")


def spec(label: str, args: tuple[str, ...] = programs.FOREVER, **changes: Any) -> ContainerSpec:
    base = ContainerSpec(f"contract-{label[:12]}", "busybox:1.35", {"taskyard/test": label}, args=args)
    return replace(base, **changes)


def started(world: Harness, wanted: ContainerSpec) -> str:
    container = world.runtime.create(wanted)
    world.runtime.start(container)
    return container


def state(world: Harness, container: str) -> ContainerState | None:
    found = world.runtime.inspect(container)
    return found.state if found else None


def ended(world: Harness, container: str) -> None:
    world.until(lambda: state(world, container) is ContainerState.EXITED)


def test_describes_itself(world: Harness) -> None:
    name, version = world.runtime.describe().split()
    assert name in ("docker", "podman", "fake")
    assert version[0].isdigit()


def test_a_container_is_created_then_runs(world: Harness, label: str) -> None:
    container = world.runtime.create(spec(label))
    assert state(world, container) is ContainerState.CREATED
    world.runtime.start(container)
    found = world.runtime.inspect(container)
    assert found is not None
    assert found.state is ContainerState.RUNNING
    assert found.name == f"contract-{label[:12]}"
    assert found.labels["taskyard/test"] == label
    assert found.started_at > 0
    assert found.finished_at == 0
    assert found.exit_code is None
    assert found.pid > 0
    assert found.stop_grace == 10


def test_starting_twice_is_starting_once(world: Harness, label: str) -> None:
    container = started(world, spec(label))
    before = world.runtime.inspect(container)
    world.runtime.start(container)
    assert world.runtime.inspect(container) == before


@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        pytest.param(programs.FAILS, 3, id="fails"),
        pytest.param(programs.SUCCEEDS, 0, id="succeeds"),
    ],
)
def test_an_exit_is_told(world: Harness, label: str, args: tuple[str, ...], exit_code: int) -> None:
    container = started(world, spec(label, args))
    ended(world, container)
    found = world.runtime.inspect(container)
    assert found is not None
    assert found.exit_code == exit_code
    assert not found.oom_killed
    # Docker may date the end of a very short run a little before its start.
    assert found.finished_at > found.started_at - 1 > 0


@pytest.mark.differs_on_podman
def test_running_out_of_memory_is_told_apart(world: Harness, label: str) -> None:
    """Perhaps a moment after the end, as engines hear of it apart."""
    container = started(world, spec(label, programs.EATS_MEMORY, limits=LimitSettings(memory=16 * 2**20)))
    ended(world, container)

    def told() -> bool:
        found = world.runtime.inspect(container)
        return found is not None and found.oom_killed and found.exit_code == 137

    world.until(told)


@pytest.mark.differs_on_podman
def test_running_out_of_memory_has_an_event_of_its_own(world: Harness, label: str) -> None:
    """The end alone is believed, and does not tell of it."""
    container = started(world, spec(label, programs.EATS_MEMORY, limits=LimitSettings(memory=16 * 2**20)))
    first = world.runtime.inspect(container)
    assert first is not None
    ended(world, container)
    seen = set()
    stream = world.runtime.events({"taskyard/test": label}, first.started_at)
    for event in stream:
        seen.add((event.action, event.exit_code))
        if seen == {("oom", None), ("die", 137)}:
            break
    stream.close()


def test_a_name_is_taken_once(world: Harness, label: str) -> None:
    world.runtime.create(spec(label))
    with pytest.raises(NameConflict):
        world.runtime.create(spec(label))


def test_a_missing_image_is_its_own_error(world: Harness, label: str) -> None:
    with pytest.raises(ImageMissing, match=r"nowhere/nothing:1"):
        world.runtime.create(spec(label, image="nowhere/nothing:1"))


def test_a_pull_that_fails_says_why(world: Harness) -> None:
    with pytest.raises(RuntimeRefused):
        world.runtime.pull("127.0.0.1:1/nothing:1").run()


def test_an_image_is_here_or_not(world: Harness) -> None:
    assert world.runtime.find_image("busybox:1.35")
    assert world.runtime.find_image("127.0.0.1:1/nothing:1") is None
    assert "busybox:1.35" in world.runtime.image_names()


def test_an_image_is_removed_unless_a_container_is_made_of_it(world: Harness, label: str) -> None:
    world.runtime.create(spec(label))
    assert not world.runtime.remove_image("busybox:1.35")
    assert world.runtime.find_image("busybox:1.35")
    assert world.runtime.remove_image("127.0.0.1:1/nothing:1")


def test_a_pull_that_was_given_up_before_it_began_fetches_nothing(world: Harness) -> None:
    transfer = world.runtime.pull("127.0.0.1:1/nothing:1")
    transfer.close()
    with pytest.raises(RuntimeUnavailable):
        transfer.run()


def test_a_command_that_is_not_there_is_refused(world: Harness, label: str) -> None:
    container = world.runtime.create(spec(label, programs.NO_SUCH_COMMAND))
    with pytest.raises(RuntimeRefused, match="no such file"):
        world.runtime.start(container)
    assert state(world, container) is ContainerState.CREATED


def test_starting_what_is_not_there_is_refused(world: Harness) -> None:
    with pytest.raises(RuntimeRefused):
        world.runtime.start("nobody")


def test_a_port_is_published_once(world: Harness, label: str) -> None:
    free = (PortMapping(80, "tcp", 0), PortMapping(81, "tcp", None))
    first = started(world, spec(label, ports=free))
    found = world.runtime.inspect(first)
    assert found is not None
    assert [port.container for port in found.ports] == [80]
    taken = found.ports[0].host
    second = world.runtime.create(spec(label, name=f"second-{label[:12]}", ports=(PortMapping(80, "tcp", taken),)))
    with pytest.raises(RuntimeRefused, match="is already in use on the node"):
        world.runtime.start(second)


def test_a_signal_may_be_obeyed(world: Harness, label: str) -> None:
    container = started(world, spec(label, programs.OBEYS))
    world.runtime.kill(container, "SIGTERM")
    ended(world, container)


def test_a_signal_may_be_ignored_but_not_a_kill(world: Harness, label: str) -> None:
    container = started(world, spec(label))
    world.runtime.kill(container, "SIGTERM")
    assert state(world, container) is ContainerState.RUNNING
    world.runtime.kill(container, "SIGKILL")
    ended(world, container)
    found = world.runtime.inspect(container)
    assert found is not None
    assert found.exit_code == 137
    assert not found.oom_killed


def test_signals_to_the_dead_are_nothing(world: Harness, label: str) -> None:
    container = started(world, spec(label, programs.FAILS))
    ended(world, container)
    world.runtime.kill(container, "SIGTERM")
    world.runtime.kill("nobody", "SIGTERM")


def test_removal(world: Harness, label: str) -> None:
    container = started(world, spec(label))
    with pytest.raises(RuntimeRefused):
        world.runtime.remove(container, force=False)
    world.runtime.remove(container, force=True)
    assert world.runtime.inspect(container) is None
    world.runtime.remove(container, force=True)


def test_a_list_has_those_with_all_labels_in_any_state(world: Harness, label: str) -> None:
    labels = {"taskyard/test": label, "role": "x"}
    running = started(world, spec(label, labels=labels))
    created = world.runtime.create(spec(label, name=f"second-{label[:12]}", labels=labels))
    world.runtime.create(spec(label, name=f"third-{label[:12]}"))
    found = {one.id: one.state for one in world.runtime.list(labels)}
    assert found == {running: ContainerState.RUNNING, created: ContainerState.CREATED}


def test_a_volume_is_made_with_its_labels_and_removed_once_nobody_has_it(world: Harness, label: str) -> None:
    name = f"contract-{label[:12]}"
    labels = {"taskyard/test": label}
    container = world.runtime.create(spec(label, mounts=(Mount("/data", name, labels=labels),)))
    assert world.runtime.volumes(labels) == (VolumeSummary(name, labels),)
    assert world.runtime.volumes({"taskyard/test": "another"}) == ()
    with pytest.raises(RuntimeRefused, match=r"in use|is being used"):
        world.runtime.remove_volume(name)
    world.runtime.remove(container, force=True)
    assert world.runtime.volumes(labels) == (VolumeSummary(name, labels),)
    world.runtime.remove_volume(name)
    world.runtime.remove_volume(name)
    assert world.runtime.volumes(labels) == ()


def test_a_network_is_made_once_and_removed_once_nobody_is_on_it(world: Harness, label: str) -> None:
    name, labels = f"ty-test-{label[:12]}", {"taskyard/test": label}
    with pytest.raises(RuntimeRefused, match="not found"):
        started(world, spec(label, network=NetworkSettings(group=name, alias="web")))
    world.runtime.remove(f"contract-{label[:12]}", force=True)
    world.runtime.make_network(name, labels)
    world.runtime.make_network(name, labels)
    assert world.runtime.networks(labels) == (name,)
    container = started(world, spec(label, network=NetworkSettings(group=name, alias="web")))
    found = world.runtime.inspect(container)
    assert found is not None
    assert found.address
    with pytest.raises(RuntimeRefused, match=r"active endpoints|is being used"):
        world.runtime.remove_network(name)
    world.runtime.remove(container, force=True)
    world.runtime.remove_network(name)
    world.runtime.remove_network(name)
    assert world.runtime.networks(labels) == ()


def test_a_network_that_several_make_at_once_is_one(world: Harness, label: str) -> None:
    name, labels = f"ty-test-{label[:12]}", {"taskyard/test": label}
    with ThreadPoolExecutor(8) as pool:
        for made in [pool.submit(world.runtime.make_network, name, labels) for _ in range(8)]:
            made.result()
    try:
        assert world.runtime.networks(labels) == (name,)
    finally:
        world.runtime.remove_network(name)


def test_a_port_is_published_on_one_address(world: Harness, label: str) -> None:
    ports = (PortMapping(80, "tcp", 0, "127.0.0.1"),)
    found = world.runtime.inspect(started(world, spec(label, ports=ports)))
    assert found is not None
    assert [(port.container, port.address) for port in found.ports] == [(80, "127.0.0.1")]


@pytest.mark.parametrize("mode", ["none", "host"])
def test_without_a_network_of_its_own_there_is_no_address(world: Harness, label: str, mode: str) -> None:
    found = world.runtime.inspect(started(world, spec(label, network=NetworkSettings(mode=mode))))
    assert found is not None
    assert (found.address, found.ports) == ("", ())


def test_a_container_joins_the_network_of_one_that_does_nothing_but_hold_it(world: Harness, label: str) -> None:
    world.runtime.make_pause_image()
    world.runtime.make_pause_image()
    assert world.runtime.find_image(PAUSE_IMAGE) is not None
    port = PortMapping(80, "tcp", 0)
    holder = replace(spec(label), name=f"holder-{label[:12]}", image=PAUSE_IMAGE, args=(), ports=(port,))
    name = started(world, replace(holder, network=NetworkSettings(hostname="web")))
    joining = spec(label, network=NetworkSettings(joins=holder.name))
    container = started(world, joining)
    held, joined = world.runtime.inspect(name), world.runtime.inspect(container)
    assert held is not None
    assert joined is not None
    assert (held.state, joined.state) == (ContainerState.RUNNING, ContainerState.RUNNING)
    assert held.address
    assert (len(held.ports), joined.ports, joined.address) == (1, (), "")
    world.runtime.kill(container, "SIGKILL")
    ended(world, container)
    world.runtime.start(container)
    assert state(world, container) is ContainerState.RUNNING
    world.runtime.remove(container, force=True)
    world.runtime.remove(name, force=True)


@pytest.mark.differs_on_podman
def test_without_what_holds_its_network_a_container_does_not_start(world: Harness, label: str) -> None:
    holder = spec(label, name=f"holder-{label[:12]}")
    name = started(world, holder)
    container = world.runtime.create(spec(label, network=NetworkSettings(joins=holder.name)))
    world.runtime.kill(name, "SIGKILL")
    ended(world, name)
    with pytest.raises(RuntimeRefused):
        world.runtime.start(container)


def test_a_program_is_run_inside_a_container_that_runs(world: Harness, label: str) -> None:
    container = started(world, spec(label))
    assert world.runtime.run(container, ("true",), 10.0) == 0
    assert world.runtime.run(container, programs.FAILS, 10.0) == 3
    world.runtime.kill(container, "SIGKILL")
    ended(world, container)
    with pytest.raises(RuntimeRefused, match=r"not running|running containers"):
        world.runtime.run(container, ("true",), 10.0)


@pytest.mark.differs_on_podman
def test_health_is_told(world: Harness, label: str) -> None:
    probe = Probe(("true",), interval=1.0, timeout=1.0, retries=1, start_period=0.0)
    container = started(world, spec(label, probe=probe))
    world.until(lambda: (found := world.runtime.inspect(container)) is not None and found.health == "healthy")
    assert [one.health for one in world.runtime.list({"taskyard/test": label})] == ["healthy"]


def test_events_tell_of_exits_and_removals(world: Harness, label: str) -> None:
    first = world.runtime.inspect(started(world, spec(label, programs.FAILS)))
    assert first is not None
    ended(world, first.id)
    world.runtime.remove(first.id, force=False)
    seen = []
    stream = world.runtime.events({"taskyard/test": label}, first.started_at)
    for event in stream:
        seen.append((event.id, event.action, event.labels["taskyard/test"]))
        if event.action == "destroy":
            break
    stream.close()
    assert seen == [(first.id, "die", label), (first.id, "destroy", label)]


def test_the_kernel_tells_of_an_end_that_nobody_asked_for(world: Harness, label: str) -> None:
    asked = started(world, spec(label, name=f"contract-asked-{label[:12]}"))
    world.runtime.kill(asked, "SIGKILL")
    container = started(world, spec(label, programs.FAILS_SOON))
    ended(world, container)
    stream = world.runtime.ends()
    seen = [(end.id, end.exit_code) for end in itertools.islice(stream, 1 if tells_how() else 0)]
    stream.close()
    assert seen == ([(container, 3)] if tells_how() else [])


def test_an_engine_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(RuntimeUnavailable):
        DockerRuntime("unix:///tmp/taskyard-no-such.sock").describe()
