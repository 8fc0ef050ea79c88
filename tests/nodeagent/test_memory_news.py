"""Kills for the memory, of which the word comes after the end: what is over waits for it, what runs again does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nodeagent import sidecars
from nodeagent.actions import Happening, Report, Wait
from nodeagent.decide import decide
from nodeagent.names import MAIN, Run
from nodeagent.situation import Container, Signalled
from taskyard.objects import LastExit, SidecarStatus, TaskState, TaskStatus
from tests.nodeagent.situations import MONOTONIC, NOW, RUNNING, STARTING, UID, WAITING, assignment, container, situation

KILLED_NOW = {"state": "exited", "exit_code": 137, "finished_at": NOW - 0.1}
LIMITED = {"memory": "32Mi"}
KILLED = LastExit(attempt=1, exit_code=137, reason="Error")
TOLD = "killed by SIGKILL (exit code 137); restart 1 in 1s"


@pytest.mark.parametrize(
    ("changes", "signalled", "memory", "reason"),
    [
        pytest.param({}, {}, "32Mi", "", id="its word may be on its way"),
        pytest.param({"oom_killed": True}, {}, "32Mi", "OOMKilled", id="it is known"),
        pytest.param({"finished_at": NOW - 0.6}, {}, "32Mi", "Error", id="it would be here by now"),
        pytest.param({"finished_at": NOW + 60.0}, {}, "32Mi", "Error", id="the clock was set back"),
        pytest.param({"exit_code": 1}, {}, "32Mi", "Error", id="not killed"),
        pytest.param({}, {}, None, "Error", id="no limit"),
        pytest.param({}, {"c11": Signalled("SIGKILL", MONOTONIC)}, "32Mi", "Error", id="killed by this agent"),
    ],
)
def test_what_is_over_waits_a_moment_for_the_word(
    changes: dict[str, Any], signalled: dict[str, Signalled], memory: str | None, reason: str
) -> None:
    wanted = assignment(resources={"memory": memory}, restart={"policy": "never"})
    action = decide(situation(wanted, RUNNING, container(**KILLED_NOW | changes), signalled=signalled))
    told = action.status.reason if isinstance(action, Report) else action
    assert told == (reason or Wait(pytest.approx(0.4)))


def test_what_runs_again_does_not_wait() -> None:
    action = decide(situation(assignment(resources=LIMITED), RUNNING, container(**KILLED_NOW)))
    assert isinstance(action, Report)
    assert (action.status.attempt, action.status.reason) == (2, "BackOff")
    assert action.status.last_exit is not None
    assert action.status.last_exit.reason == "Error"


@pytest.mark.parametrize("state", [TaskState.STARTING, TaskState.RUNNING])
def test_the_reason_of_its_last_end_is_put_right_when_the_word_comes(state: TaskState) -> None:
    known = msgspec.structs.replace(WAITING, state=state, last_exit=KILLED, message=TOLD)
    before = container(**KILLED_NOW, oom_killed=True)
    action = decide(situation(assignment(resources=LIMITED), known, before))
    assert isinstance(action, Report)
    last = action.status.last_exit
    assert last == msgspec.structs.replace(KILLED, reason="OOMKilled")
    assert action.status.message == "ran out of memory (limit 32Mi); restart 1 in 1s"
    assert action.happening == Happening("OOMKilled", "attempt 1 ran out of memory (limit 32Mi)", warning=True)
    again = decide(situation(assignment(resources=LIMITED), action.status, before, container(2)))
    assert not (isinstance(again, Report) and again.happening == action.happening)


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        pytest.param({}, container(**KILLED_NOW), id="no word has come"),
        pytest.param({}, container(3, **KILLED_NOW, oom_killed=True), id="of another attempt"),
        pytest.param({}, container(epoch=2, **KILLED_NOW, oom_killed=True), id="of another epoch"),
        pytest.param(
            {"last_exit": LastExit(attempt=1, exit_code=137, reason="Unhealthy")},
            container(**KILLED_NOW, oom_killed=True),
            id="it was stopped for something else",
        ),
        pytest.param({"last_exit": None}, container(**KILLED_NOW, oom_killed=True), id="nothing was told"),
        pytest.param({"state": TaskState.FAILED}, container(**KILLED_NOW, oom_killed=True), id="it is over"),
    ],
)
def test_else_it_stays(changes: dict[str, Any], before: Container) -> None:
    known: TaskStatus = msgspec.structs.replace(WAITING, **{"last_exit": KILLED, "message": TOLD} | changes)
    action = decide(situation(assignment(resources=LIMITED), known, before))
    assert not (isinstance(action, Report) and action.happening and action.happening.reason == "OOMKilled")


@pytest.mark.parametrize("oom", [False, True])
def test_an_init_task_waits_for_the_word(oom: bool) -> None:
    wanted = assignment(resources=LIMITED, init=[{"name": "fetch"}])
    killed = msgspec.structs.replace(container(**KILLED_NOW), run=Run(UID, 1, 1, 1))
    killed = msgspec.structs.replace(killed, info=msgspec.structs.replace(killed.info, oom_killed=oom))
    action = decide(situation(wanted, STARTING, killed))
    if oom:
        assert isinstance(action, Report)
        assert action.status.message.startswith("init task fetch ran out of memory")
    else:
        assert action == Wait(pytest.approx(0.4))


def test_a_sidecar_waits_for_the_word_before_its_end_is_told() -> None:
    wanted = assignment(sidecars=[{"name": "proxy", "resources": LIMITED}])
    told = msgspec.structs.replace(RUNNING, sidecars=[SidecarStatus(name="proxy", state="Running")])
    ended = msgspec.structs.replace(container(**KILLED_NOW), run=Run(UID, 1, 1, MAIN + 1))
    early = situation(wanted, told, container(), ended)
    assert sidecars.statuses(early, wanted, told) == told.sidecars
    assert sidecars.next_action(early, wanted, told) == Wait(pytest.approx(0.4))
    known = msgspec.structs.replace(ended, info=msgspec.structs.replace(ended.info, oom_killed=True))
    (found,) = sidecars.statuses(situation(wanted, told, container(), known), wanted, told)
    assert (found.state, found.message.partition(";")[0]) == ("BackOff", "ran out of memory")
    late = msgspec.structs.replace(early, now=NOW + 0.5)
    (found,) = sidecars.statuses(late, wanted, told)
    assert (found.state, found.message.partition(";")[0]) == ("BackOff", "killed by SIGKILL (exit code 137)")
