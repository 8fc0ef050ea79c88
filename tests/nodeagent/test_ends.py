"""The event of an end is believed where it says all that a look would; else there is a look."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent.runtime.port import ContainerEvent, ContainerInfo, ContainerState
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
    values: dict[str, Any] = {"state": ContainerState.RUNNING, "started_at": 100.0} | changes
    seen.saw(ContainerInfo(id="c1", name=f"ty-{UID}-1-1", labels=LABELS, **values))
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


@pytest.mark.parametrize("action", ["destroy", "remove"])
def test_a_removal_is_known_without_a_look(action: str) -> None:
    seen = view(ports=("a port",))
    seen.happened(ContainerEvent("c1", LABELS, "die", 110.0, 137), believed=True)
    seen.doubt(UID, ["c2"])
    assert seen.happened(ContainerEvent("c1", LABELS, action, 111.0), believed=True) == UID
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
