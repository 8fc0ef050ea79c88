"""When agents run the hooks of tasks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from nodeagent import decide, hooks, starting
from nodeagent.actions import Action
from nodeagent.decide import _follow_the_container
from nodeagent.effects import Effects
from nodeagent.situation import HookRan, Situation
from simulator.settings import Settings
from taskyard.objects import Assignment, TaskStatus
from tests.simulator.planted.plant import Plant

HOOKED = Settings(nodes=3, tasks=12, minutes=1.5, faults_per_minute=30.0, services=0, jobs=0, hooks=True)
NOT_SUCCEEDED = r"its postStart hook has not succeeded"


def _stopped_without_its_hook(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Effects, "_before_stop", lambda *_: None)


def _hook_not_made_up_for(patch: pytest.MonkeyPatch) -> None:
    """A new agent takes a container that runs for one whose postStart hook was run."""

    def follow(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        return _follow_the_container(replace(situation, outcome=HookRan()), assignment, status)

    rules = tuple(follow if rule is _follow_the_container else rule for rule in decide.RULES)
    patch.setattr(decide, "RULES", rules)


def _failed_hook_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(starting, "run_hook", lambda *args, **named: hooks.run_hook(*args, **named) and "")


PLANTS: dict[str, Plant] = {
    "stopped without its hook": Plant(_stopped_without_its_hook, (r"before its preStop hook was run",), (HOOKED,)),
    "hook not made up for": Plant(_hook_not_made_up_for, (NOT_SUCCEEDED,), (HOOKED,)),
    "failed hook passed over": Plant(_failed_hook_passed_over, (NOT_SUCCEEDED,), (HOOKED,)),
}
