"""What agents do with containers, and what they remember of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent import (
    agent,
    decide,
    memory,
    progress,
    restart,
    view,
)
from nodeagent.actions import Action
from nodeagent.anchor import Anchor
from nodeagent.conditions import Conditions
from nodeagent.names import Owner, Run
from nodeagent.situation import Situation
from nodeagent.view import ContainerView
from taskyard.objects import Assignment, ConditionType, TaskStatus
from tests.simulator.planted.invariants import (
    BACKOFF,
    BACKOFF_GROWS,
    CONDITION_OVER,
    CONVERGED,
    ENDED_MEANS_ENDED,
    FORWARD,
    LOST_DATA,
    TOGETHER,
)
from tests.simulator.planted.plant import LOSSY, Plant


def _adoption_off(patch: pytest.MonkeyPatch) -> None:
    """A new agent neither lists what runs nor takes a container that has its name for its own."""

    def compare(self: ContainerView, _: Sequence[Any]) -> set[str]:
        self.listed = True
        return set()

    patch.setattr(ContainerView, "compare", compare)


def _intent_not_durable(patch: pytest.MonkeyPatch) -> None:
    rules = tuple(rule for rule in decide.RULES if rule is not decide._publish)
    create = decide._create

    def create_at_once(situation: Situation, assignment: Assignment, status: TaskStatus) -> Action | None:
        return create(replace(situation, written=status), assignment, status)

    patch.setattr(decide, "RULES", (*[create_at_once if r is create else r for r in rules], decide._publish))


def _old_epochs_left_running(patch: pytest.MonkeyPatch) -> None:
    original = decide.clear
    patch.setattr(decide, "clear", lambda s, cs, grace: original(s, cs, grace) if s.assignment is None else None)


def _foreign_containers_taken(patch: pytest.MonkeyPatch) -> None:
    """Whatever has a uid for a label is the agent's."""

    def run_of(_owner: Owner, _name: str, labels: Mapping[str, str]) -> Run | None:
        uid = labels.get("taskyard/uid", "")
        return (
            Run(uid, int(labels.get("taskyard/epoch", "1")), int(labels.get("taskyard/attempt", "1"))) if uid else None
        )

    patch.setattr(view, "run_of", run_of)


def _restarts_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A new agent does not read what its predecessor wrote of restarts and backoff."""
    patch.setattr(memory, "_read_status", lambda _: None)


def _no_retry_of_stale(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.Agent, "_rest", lambda self, held: self._parts.queue.done(held.uid))


def _backoff_not_waited(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        decide, "RULES", tuple(rule for rule in decide.RULES if rule is not decide._wait_for_the_next_attempt)
    )


def _backoff_does_not_grow(patch: pytest.MonkeyPatch) -> None:
    original = restart.wait_before
    for module in (restart, progress, decide):
        patch.setattr(module, "wait_before", lambda backoff, step, luck=0.0: original(backoff, min(step, 1), luck))


def _anchor_check_off(patch: pytest.MonkeyPatch) -> None:
    """A new agent does not notice that the store lost data while it was away."""
    patch.setattr(Anchor, "went_back", lambda *_: False)


def _lost_data_stops_containers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent, "decide", lambda situation: decide.decide(replace(situation, kept=False)))


def _written_status_not_taken_over(patch: pytest.MonkeyPatch) -> None:
    """What an agent on another host wrote in this node's name is overwritten by what this one remembers."""
    patch.setattr(memory, "_overtaken", lambda held, _: held.status is None)


def _clock_once_wrong_always_wrong(patch: pytest.MonkeyPatch) -> None:
    """It is compared, and what was said of it is never taken back."""
    note = Conditions.note

    def sticky(self: Conditions, condition: ConditionType, message: str | None) -> None:
        if condition != "ClockSkew" or message is not None:
            note(self, condition, message)

    patch.setattr(Conditions, "note", sticky)


PLANTS: dict[str, Plant] = {
    "adoption off": Plant(_adoption_off, (TOGETHER, r"is left on n\d+, where nothing like it is assigned")),
    "intent not durable": Plant(_intent_not_durable, (r"without a durable intent",)),
    "old epochs left running": Plant(_old_epochs_left_running, (ENDED_MEANS_ENDED, TOGETHER)),
    "foreign containers taken": Plant(_foreign_containers_taken, (r"touched the foreign container",)),
    "restarts forgotten": Plant(_restarts_forgotten, (FORWARD,)),
    "no retry of stale": Plant(_no_retry_of_stale, (CONVERGED,)),
    "backoff not waited": Plant(_backoff_not_waited, (BACKOFF,)),
    "backoff does not grow": Plant(_backoff_does_not_grow, (BACKOFF_GROWS,)),
    "anchor check off": Plant(_anchor_check_off, (LOST_DATA,), (LOSSY,)),
    "lost data stops containers": Plant(_lost_data_stops_containers, (LOST_DATA,), (LOSSY,)),
    "written status not taken over": Plant(_written_status_not_taken_over, (FORWARD,), (LOSSY,)),
    "clock once wrong always wrong": Plant(_clock_once_wrong_always_wrong, (CONDITION_OVER,)),
}
