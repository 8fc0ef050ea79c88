"""Steps of many processes in one thread: what goes wrong in one of them is its own, also while another is frozen."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from controlplane.tasks.controller import TaskController
from simulator.cluster import Cluster
from simulator.driver import Actor, Crash, Driver, Escaped, HotLoop, Process
from simulator.settings import Settings
from taskyard.clock import ManualClock
from taskyard.store.api import StoreUnavailable


@pytest.fixture
def driver() -> Driver:
    return Driver(ManualClock(), Random(0))


class FrozenInACommit:
    """An agent whose first step freezes it for 5 s, and that handles what a commit may raise."""

    def __init__(self, driver: Driver, meanwhile: Callable[[], None] | None = None) -> None:
        self.process = Process("agent-n01")
        self.caught: list[Exception] = []
        self.went_on = False

        def step() -> float:
            try:
                driver.freeze(self.process, 5.0, meanwhile)
                self.went_on = True
            except Exception as error:
                self.caught.append(error)
            return math.inf

        driver.wake(Actor(self.process, "loop", step), 1.0)


def unavailable() -> float:
    raise StoreUnavailable("no answer")


def test_what_a_loop_lets_out_is_noted_as_its_own_and_not_raised_in_a_frozen_process(driver: Driver) -> None:
    agent = FrozenInACommit(driver)
    driver.wake(Actor(Process("cp1"), "tasks", unavailable), 2.0)
    with pytest.raises(Escaped, match="cp1's tasks lets StoreUnavailable out: no answer") as raised:
        driver.run(20.0)
    assert isinstance(raised.value.__cause__, StoreUnavailable)
    assert not agent.caught
    assert not agent.went_on
    assert not agent.process.frozen


def test_so_is_what_it_lets_out_while_nobody_is_frozen(driver: Driver) -> None:
    driver.wake(Actor(Process("cp1"), "tasks", unavailable), 2.0)
    with pytest.raises(Escaped, match="cp1's tasks"):
        driver.run(20.0)


def test_a_hot_loop_beside_a_frozen_process_is_not_raised_in_that(driver: Driver) -> None:
    agent = FrozenInACommit(driver)
    driver.wake(Actor(Process("cp1"), "tasks", lambda: 0.0), 2.0)
    with pytest.raises(HotLoop, match="cp1's tasks"):
        driver.run(20.0)
    assert not agent.caught


def test_nor_is_a_violation_that_was_noted_beside_it(driver: Driver) -> None:
    agent = FrozenInACommit(driver)

    def violate() -> float:
        driver.fail(ValueError("two assignments"))
        return math.inf

    driver.wake(Actor(Process("cp1"), "scheduler", violate), 2.0)
    with pytest.raises(ValueError, match="two assignments"):
        driver.run(20.0)
    assert not agent.caught


def test_nor_what_happens_as_soon_as_it_is_frozen(driver: Driver) -> None:
    def meanwhile() -> None:
        raise ValueError("a fault that cannot strike")

    agent = FrozenInACommit(driver, meanwhile)
    with pytest.raises(ValueError, match="cannot strike"):
        driver.run(20.0)
    assert not agent.caught
    assert not agent.process.frozen


def test_a_process_that_was_killed_while_it_was_frozen_does_not_go_on(driver: Driver) -> None:
    crashed: list[Process] = []
    driver.crashed = crashed.append
    agent = FrozenInACommit(driver)

    def kill() -> float:
        agent.process.kill()
        return math.inf

    driver.wake(Actor(Process("outside"), "faults", kill), 2.0)
    driver.run(20.0)
    assert crashed == [agent.process]
    assert not agent.went_on


def test_what_was_due_while_it_was_frozen_comes_after(driver: Driver) -> None:
    agent, at = FrozenInACommit(driver), list[float]()

    def step() -> float:
        at.append(driver.clock.monotonic())
        return math.inf

    began = driver.clock.monotonic()
    driver.wake(Actor(agent.process, "lease", step), 2.0)
    driver.run(began + 20.0)
    assert agent.went_on
    assert len(at) == 1
    assert at[0] > began + 6.0


def test_a_run_in_which_a_component_lets_something_out_fails_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(_: TaskController, timeout: float = 0.0) -> bool:
        raise ValueError(f"a fault of ours within {timeout:g} s")

    monkeypatch.setattr(TaskController, "step", step)
    outcome = Cluster(0, Settings(minutes=0.5)).run()
    assert outcome.violation.endswith("'s tasks lets ValueError out: a fault of ours within 0 s")
    assert "in step" in outcome.story


def test_a_process_is_killed_by_its_own_crash_alone(driver: Driver) -> None:
    crashed: list[Process] = []
    driver.crashed = crashed.append
    agent, other = FrozenInACommit(driver), Process("cp1")

    def crash() -> float:
        raise Crash

    driver.wake(Actor(other, "tasks", crash), 2.0)
    driver.run(20.0)
    assert crashed == [other]
    assert agent.went_on
