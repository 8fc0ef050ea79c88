"""The event of an end is believed where it says all that a look would; else there is a look."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent.names import STEP
from nodeagent.runtime.port import ContainerEnd, ContainerEvent, ContainerInfo, ContainerState
from nodeagent.view import ContainerView
from tests.nodeagent.world import OWNER, UID, World

LABELS = {
    **OWNER.labels,
    "taskyard/uid": UID,
    "taskyard/epoch": "1",
    "taskyard/attempt": "1",
}


def view(**changes: Any) -> ContainerView:
    seen = ContainerView(OWNER)
    values = {"name": f"ty-{UID}-1-1", "labels": LABELS, "state": ContainerState.RUNNING, "started_at": 100.0}
    seen.saw(ContainerInfo(id="c1", **(values | changes)))
    return seen


def test_an_end_is_known_without_a_look() -> None:
    seen = view(address="192.0.2.1", pid=7)
    assert seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 3), believed=True) == UID
    (one,), unsure = seen.of(UID)
    assert unsure == ()
    assert (one.info.state, one.info.exit_code, one.info.finished_at) == (ContainerState.EXITED, 3, 110.0)
    assert (one.info.address, one.info.pid) == ("", 0)


@pytest.mark.parametrize(
    ("changes", "action", "at", "code", "believed"),
    [
        pytest.param({}, "die", 110.0, 3, False, id="the watchdog answers for it"),
        pytest.param({}, "die", 100.0, 3, True, id="it may be of a run before"),
        pytest.param({}, "die", 110.0, None, True, id="it does not say how it ended"),
        pytest.param({}, "oom", 110.0, None, True, id="no end"),
        pytest.param({"state": ContainerState.EXITED}, "die", 110.0, 3, True, id="it has ended already"),
        pytest.param({"ports": ("a port",)}, "die", 110.0, 3, True, id="it has ports that are not free yet"),
    ],
)
def test_otherwise_there_is_a_look(
    changes: dict[str, Any], action: str, at: float, code: int | None, believed: bool
) -> None:
    seen = view(**changes)
    assert seen.happened(ContainerEvent("c1", LABELS, action, at, code), believed=believed) == UID
    assert seen.of(UID)[1] == ("c1",)


def test_the_kernels_word_is_believed_before_the_runtime_knows() -> None:
    seen = view(address="192.0.2.1", pid=7)
    (before,), _ = seen.of(UID)
    assert seen.ended(ContainerEnd("c1", 3, 110.0)) == UID
    seen.saw(before.info)  # A look at a runtime that has not noticed yet.
    (one,), unsure = seen.of(UID)
    assert (one.info.state, one.info.exit_code, one.info.finished_at) == (ContainerState.EXITED, 3, 110.0)
    assert unsure == ()
    assert seen.happened(ContainerEvent("c1", LABELS, "die", 110.2, 3), believed=True) == ""
    assert seen.of(UID)[1] == ()
    again = replace(before.info, started_at=120.0)
    seen.saw(again)  # Somebody has started it by hand.
    assert seen.of(UID)[0][0].info == again


def test_a_runtime_that_tells_of_another_exit_code_is_looked_at() -> None:
    seen = view()
    seen.ended(ContainerEnd("c1", 3, 110.0))
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.2, 4), believed=True)
    assert seen.of(UID)[1] == ("c1",)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        pytest.param({"labels": LABELS | {STEP: "99"}, "name": f"ty-{UID}-1-1-net"}, 110.0, id="holds a network"),
        pytest.param({"labels": LABELS | {STEP: "101"}, "name": f"ty-{UID}-1-1-side1"}, 110.0, id="a sidecar"),
        pytest.param({}, 100.0, id="before its start"),
        pytest.param({"state": ContainerState.CREATED}, 110.0, id="its start is not known yet"),
    ],
)
def test_otherwise_the_runtimes_own_word_is_waited_for(changes: dict[str, Any], at: float) -> None:
    seen = view(**changes)
    (before,), _ = seen.of(UID)
    assert seen.ended(ContainerEnd("c1", 3, at)) == ""
    assert seen.of(UID) == ((before,), ())


def test_the_kernel_may_tell_of_what_is_not_known_here() -> None:
    assert view().ended(ContainerEnd("c2", 3, 110.0)) == ""


def test_a_task_runs_again_before_the_runtime_has_noticed_its_end() -> None:
    world = World(notices_after=5.0)
    world.assign(restart={"backoff": {"initial": "1ms", "max": "1ms"}})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.advance(0.1)
    assert f"ty-{UID}-1-2" in world.running()
    assert (world.status().restarts, world.status().last_exit.exit_code) == (1, 137)  # type: ignore[union-attr]
    world.advance(20.0)
    assert world.running() == [f"ty-{UID}-1-2"]
    assert world.status().restarts == 1
    assert not [call for call in world.runtime.calls if call.startswith("kill")]


def test_the_next_container_is_made_before_the_runtime_has_noticed_and_started_when_the_port_is_free() -> None:
    world = World(notices_after=5.0)
    world.assign(ports=[{"container": 80, "host": 8080}], restart={"backoff": {"initial": "1ms", "max": "1ms"}})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.advance(1.0)
    made = world.runtime.look_up(f"ty-{UID}-1-2")
    assert made is not None
    assert made.state is ContainerState.CREATED
    world.advance(10.0)
    assert world.running() == [f"ty-{UID}-1-2"]
    assert (world.status().restarts, world.status().ports[0].host) == (1, 8080)
    assert not [call for call in world.runtime.calls if call.startswith("kill")]


def test_another_port_of_the_node_is_not_waited_for() -> None:
    world = World(notices_after=5.0)
    world.assign(ports=[{"container": 80, "host": "auto"}], restart={"backoff": {"initial": "1ms", "max": "1ms"}})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.advance(0.5)
    assert f"ty-{UID}-1-2" in world.running()


def test_a_task_that_ends_while_it_is_to_stop_is_removed_once_the_runtime_has_noticed() -> None:
    world = World(notices_after=2.0)
    world.assign(restart={"policy": "never"})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.assign(desired="Stopped", restart={"policy": "never"})
    world.advance(10.0)
    assert world.containers() == []
    assert world.status().state.terminal


def test_what_the_watchdog_answers_for_is_the_runtimes_to_tell() -> None:
    world = World(notices_after=2.0)
    world.assign(singleton=True, restart={"backoff": {"initial": "1ms", "max": "1ms"}})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.advance(1.0)
    assert world.status().restarts == 0
    world.advance(5.0)
    assert world.running() == [f"ty-{UID}-1-2"]


def test_a_removal_is_known_without_a_look() -> None:
    seen = view(ports=("a port",))
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 137), believed=True)
    seen.doubt(UID, ["c2"])
    assert seen.happened(ContainerEvent("c1", LABELS, "destroy", 111.0), believed=True) == UID
    assert seen.of(UID) == ((), ("c2",))


def test_a_look_that_was_on_its_way_brings_nothing_back_that_was_removed() -> None:
    seen = view()
    (one,), _ = seen.of(UID)
    seen.happened(ContainerEvent("c1", LABELS, "destroy", 111.0), believed=True)
    seen.saw(one.info)
    assert seen.of(UID) == ((), ())


def test_the_removal_of_what_the_watchdog_answers_for_is_looked_at() -> None:
    seen = view()
    seen.happened(ContainerEvent("c1", LABELS, "destroy", 111.0), believed=False)
    (one,), unsure = seen.of(UID)
    assert (one.info.id, unsure) == ("c1", ("c1",))


def test_out_of_memory_is_told_before_the_end_and_looked_at() -> None:
    seen = view()
    seen.happened(ContainerEvent("c1", LABELS, "oom", 109.0), believed=True)
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 137), believed=True)
    (one,), unsure = seen.of(UID)
    assert (one.running, unsure) == (True, ("c1",))


def test_out_of_memory_is_known_though_a_look_between_it_and_the_end_did_not_tell() -> None:
    seen = view()
    seen.happened(ContainerEvent("c1", LABELS, "oom", 109.0), believed=True)
    seen.about_to_look(UID, ["c1"])
    (one,), _ = seen.of(UID)
    seen.saw(replace(one.info, oom_killed=False))
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 137), believed=True)
    (one,), unsure = seen.of(UID)
    assert (one.running, one.info.oom_killed, unsure) == (False, True, ())


def test_out_of_memory_is_known_though_it_is_told_after_the_end() -> None:
    seen = view()
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 137), believed=True)
    seen.happened(ContainerEvent("c1", LABELS, "oom", 109.0), believed=True)
    (one,), _ = seen.of(UID)
    seen.saw(replace(one.info, oom_killed=False))
    (one,), _ = seen.of(UID)
    assert one.info.oom_killed
    seen.saw(replace(one.info, state=ContainerState.RUNNING, started_at=120.0, oom_killed=False))
    seen.happened(ContainerEvent("c1", LABELS, "die", 130.0, 137), believed=True)
    (one,), _ = seen.of(UID)
    assert not one.info.oom_killed


def test_a_restart_asks_the_runtime_nothing_about_what_has_ended() -> None:
    world = World()
    world.assign(restart={"backoff": {"initial": "1ms", "max": "1ms"}})
    world.advance(1.0)
    (running,) = world.containers()
    world.runtime.end(running.id, "SIGKILL")
    world.runtime.calls.clear()
    world._hear()
    while world.agent.reconcile(0):
        pass
    assert f"inspect {running.id}" not in world.runtime.calls
    world.advance(0.1)
    assert world.running() == [f"ty-{UID}-1-2"]
