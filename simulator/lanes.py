"""The lanes of a stepped agent: what takes its time in one goes on while the agent's loop does other things."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from nodeagent.lanes import InlineLanes, Lane
from simulator.driver import Actor, Driver, Process


class SlowLanes(InlineLanes):
    """Work in these lanes begins when it is drawn to, each as a step of its own; all else is done at once."""

    def __init__(
        self,
        process: Process,
        driver: Driver,
        after: Mapping[Lane, Callable[[], float]],
        carry_out: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """`after`: seconds until a piece of work in the lane is done, which `carry_out` is handed then."""
        self._process = process
        self._carry_out = carry_out
        self._driver = driver
        self._after = after

    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        if lane not in self._after:
            work()
            return

        def step() -> float:
            self._carry_out(work)
            return math.inf

        self._driver.wake(Actor(self._process, lane.value, step), self._after[lane]())
