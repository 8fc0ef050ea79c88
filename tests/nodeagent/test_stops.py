"""What people are told of a stop: who wanted it, and whether the program went by itself."""

from __future__ import annotations

import pytest

from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.stops import why_stopped
from taskyard.objects import Assignment, Stop, TaskSpec


def assigned(reason: str = "", grace: float | None = None, signal: str = "SIGTERM") -> Assignment:
    spec = TaskSpec(image="a:1", stop=Stop(signal=signal, grace_period="10s"))
    return Assignment(
        uid="1", namespace="default", name="web", epoch=1, spec=spec, spec_hash="", reason=reason, grace_period=grace
    )


def ended(code: int, *, oom: bool = False) -> ContainerInfo:
    return ContainerInfo(id="c", name="c", labels={}, state=ContainerState.EXITED, exit_code=code, oom_killed=oom)


@pytest.mark.parametrize(
    ("assignment", "found", "said"),
    [
        pytest.param(assigned(), ended(0), "stopped as asked", id="it went by itself"),
        pytest.param(assigned(), None, "stopped as asked", id="there was none"),
        pytest.param(
            assigned(),
            ended(137),
            "stopped as asked, and killed: it had not ended 10s after SIGTERM",
            id="it did not go",
        ),
        pytest.param(
            assigned(grace=2.0),
            ended(137),
            "stopped as asked, and killed: it had not ended 2s after SIGTERM",
            id="in less",
        ),
        pytest.param(assigned(), ended(137, oom=True), "stopped as asked", id="it ran out of memory"),
        pytest.param(assigned(signal="SIGKILL"), ended(137), "stopped as asked", id="it was to be killed"),
        pytest.param(assigned("preempted by task/big"), ended(0), "stopped: preempted by task/big", id="for another"),
    ],
)
def test_why(assignment: Assignment, found: ContainerInfo | None, said: str) -> None:
    assert why_stopped(assignment, found) == said
