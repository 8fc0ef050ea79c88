"""What the runtime does not carry out for one task, though it answers otherwise: a reason, and ever longer pauses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nodeagent.runtime.port import RuntimeUnavailable
from taskyard.objects import TaskState
from tests.nodeagent.world import UID, World


@pytest.fixture
def world() -> World:
    return World()


def never(words: str) -> Callable[[], None]:
    def answer() -> None:
        raise RuntimeUnavailable(words)

    return answer


@pytest.mark.parametrize("policy", ["always", "never"])
def test_a_start_that_is_never_answered_is_told_and_tried_ever_more_rarely(world: World, policy: str) -> None:
    """Though looks are: a plug-in of the engine's hangs, say."""
    world.runtime.before_start = [never("start: no answer in 90 s")]
    world.assign(restart={"policy": policy})
    world.advance(60.0)
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "RuntimeTrouble", 1)
    assert status.message.startswith("start: no answer in 90 s; next try in ")
    assert sum(call.startswith("inspect") for call in world.runtime.calls) < 40
    world.runtime.before_start = []
    world.advance(200.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status().state is TaskState.RUNNING


@pytest.mark.parametrize("what", ["kill", "remove"])
def test_a_stop_that_is_never_answered_is_told_and_tried_ever_more_rarely(world: World, what: str) -> None:
    world.assign()
    world.settle()
    tried = []
    world.runtime.before_stop = {what: [lambda: tried.append(what), never(f"{what}: no answer in 90 s")]}
    world.assign(desired="Stopped")
    world.advance(60.0)
    assert 3 <= len(tried) < 40
    assert ("RuntimeTrouble", f"{what}: no answer in 90 s") in zip(
        world.events.reasons, world.events.messages, strict=True
    )
    world.runtime.before_stop = {}
    world.advance(30.0)
    assert world.containers() == []
    assert world.status().reason == "Stopped"


def test_a_network_that_cannot_be_made_is_a_failed_start(world: World) -> None:
    world.runtime.crowded = True
    world.assign(network={"group": "front"})
    world.advance(60.0)
    assert (world.status().reason, world.status().attempt > 2) == ("BackOff", True)
    assert "non-overlapping IPv4 address pool" in world.status().message
    world.runtime.crowded = False
    world.advance(60.0)
    assert world.status().state is TaskState.RUNNING
