"""What the runtime contract suite needs beyond the Runtime itself: time that passes, and programs both sides know."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import Runtime
from taskyard.clock import ManualClock

FOREVER = ("sleep", "1000")
FAILS = ("sh", "-c", "exit 3")
FAILS_SOON = ("sh", "-c", "sleep 0.3; exit 3")
SUCCEEDS = ("sh", "-c", "exit 0")
OBEYS = ("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done")
EATS_MEMORY = ("sh", "-c", "x=x; while :; do x=$x$x; done")
NO_SUCH_COMMAND = ("/nowhere",)

PROGRAMS = {
    FOREVER: Program(ignores=frozenset({"SIGTERM"})),
    FAILS: Program(runs=0.0, exit_code=3),
    FAILS_SOON: Program(runs=0.3, exit_code=3),
    SUCCEEDS: Program(runs=0.0, exit_code=0),
    OBEYS: Program(),
    EATS_MEMORY: Program(runs=0.1, out_of_memory=True),
    NO_SUCH_COMMAND: Program(refuses_to_start="no such file or directory"),
}


class Harness(Protocol):
    runtime: Runtime

    def until(self, condition: Callable[[], bool]) -> None:
        """Lets time pass until the condition holds; AssertionError when it does not within 15 s."""
        ...


@dataclass
class FakeHarness:
    clock: ManualClock
    runtime: FakeRuntime

    @classmethod
    def fresh(cls) -> FakeHarness:
        clock = ManualClock()
        return cls(clock, FakeRuntime(clock, programs=dict(PROGRAMS), inside={FAILS: 3}))

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(150):
            if condition():
                return
            self.clock.advance(0.1)
        raise AssertionError("it did not happen within 15 s")


@dataclass
class RealHarness:
    runtime: Runtime

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 15 s"
            time.sleep(0.02)
