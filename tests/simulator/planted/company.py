"""What agents do with init tasks, and with sidecars and what holds their network."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from nodeagent import decide, sidecars, steps
from nodeagent.actions import Action, CreateAndStart
from nodeagent.names import NETWORK, Run
from nodeagent.runtime.port import ContainerState
from nodeagent.situation import Container, Situation
from simulator.settings import Settings
from taskyard.objects import Assignment, TaskSpec, TaskStatus
from tests.simulator.planted.invariants import BACKOFF, BACKOFF_GROWS, COMPANY, ENDED_MEANS_ENDED, TOGETHER
from tests.simulator.planted.plant import Plant

ACCOMPANIED = Settings(
    nodes=2, tasks=12, minutes=1.5, faults_per_minute=30.0, services=0, jobs=0, beside=True, files=False
)
CHANGED = Settings(
    nodes=5,
    tasks=15,
    minutes=1.5,
    faults_per_minute=40.0,
    services=0,
    jobs=0,
    beside=True,
    files=False,
    kinds=frozenset({"hurry"}),
)
"""Users edit, and few nodes have images that are far."""
HARMED = Settings(
    nodes=2, tasks=6, minutes=1.0, faults_per_minute=40.0, services=0, jobs=0, beside=True, files=False,
    only_requests=frozenset(range(6)), kinds=frozenset({"harm_container"}),
)  # fmt: skip
"""Everybody applies once, and somebody kills containers."""


def _init_tasks_need_not_succeed(patch: pytest.MonkeyPatch) -> None:
    """They need only have ended, with whatever exit code."""
    original = steps._done

    def done(situation: Situation, spec: TaskSpec, step: int) -> bool:
        one = steps.container_of(situation, step)
        ended = one is not None and one.info.state is ContainerState.EXITED
        return (ended and steps.init_of(spec, step) is not None) or original(situation, spec, step)

    patch.setattr(steps, "_done", done)


def _sidecars_outlive_their_task(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sidecars, "to_wind_down", lambda _: None)


def _sidecars_are_stopped_first(patch: pytest.MonkeyPatch) -> None:
    original = steps.in_stop_order

    def the_other_way_round(containers: Iterable[Container]) -> list[Container]:
        return original(containers)[::-1]

    for module in (decide, sidecars):
        patch.setattr(module, "in_stop_order", the_other_way_round)


def _sidecars_are_not_started_again(patch: pytest.MonkeyPatch) -> None:
    original = sidecars.next_action

    def next_action(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        again = any(one.restarts for one in status.sidecars)
        return None if again else original(situation, assignment, status)

    patch.setattr(sidecars, "next_action", next_action)


def _sidecars_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    original = sidecars.next_action

    def next_action(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        waiting = [replace(one, next_start_at="") for one in status.sidecars]
        return original(situation, assignment, replace(status, sidecars=waiting))

    patch.setattr(sidecars, "next_action", next_action)


def _waits_of_sidecars_do_not_grow(patch: pytest.MonkeyPatch) -> None:
    original = sidecars.wait_before
    patch.setattr(sidecars, "wait_before", lambda backoff, step, luck=0.0: original(backoff, min(step, 1), luck))


def _network_made_while_the_version_before_runs(patch: pytest.MonkeyPatch) -> None:
    create = decide._create

    def create_at_once(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        if situation.runs_on and steps.next_step(situation) == NETWORK:
            return CreateAndStart(Run(status.uid, status.epoch, status.attempt, NETWORK))
        return create(situation, assignment, status)

    patch.setattr(decide, "RULES", tuple(create_at_once if rule is create else rule for rule in decide.RULES))


def _lost_network_not_noticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sidecars, "network_lost", lambda *_: False)


PLANTS: dict[str, Plant] = {
    "init tasks need not succeed": Plant(
        _init_tasks_need_not_succeed, (r"is started on n\d+ before init\d has succeeded",), (ACCOMPANIED,)
    ),
    "sidecars outlive their task": Plant(_sidecars_outlive_their_task, (ENDED_MEANS_ENDED,), (ACCOMPANIED,)),
    "sidecars are stopped first": Plant(_sidecars_are_stopped_first, (r"is stopped on n\d+ while",), (ACCOMPANIED,)),
    "sidecars are not started again": Plant(_sidecars_are_not_started_again, (COMPANY,), (HARMED,)),
    "sidecars do not wait": Plant(_sidecars_do_not_wait, (BACKOFF,), (HARMED,)),
    "waits of sidecars do not grow": Plant(_waits_of_sidecars_do_not_grow, (BACKOFF_GROWS,), (HARMED,)),
    "network made while the version before runs": Plant(
        _network_made_while_the_version_before_runs, (TOGETHER,), (CHANGED,)
    ),
    "lost network not noticed": Plant(_lost_network_not_noticed, (COMPANY,), (HARMED,)),
}
