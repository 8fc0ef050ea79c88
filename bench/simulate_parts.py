"""Where the time of a simulation goes: what one reconcile, round, request or look of the checker takes.

Each part is timed without the others inside it: what a reconcile writes is the store's and the checker's, and what all
others do while a process is frozen is theirs. Used by simulate.py, for a run of its own, since it slows that down.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, NamedTuple

from controlplane.leading import LeaderLoop
from controlplane.scheduler import Scheduler
from nodeagent.agent import Agent
from simulator.checker import Checker
from simulator.cluster import Cluster
from simulator.driver import Driver
from simulator.plane import PlaneProcess
from simulator.users import Users
from taskyard.events import EventRecorder
from taskyard.store.memory import MemoryStore


class Part(NamedTuple):
    name: str
    """Of one of them, once."""
    owner: type
    method: str


REST = "all else, mostly loops of agents that look, renew and measure"
PARTS = (
    Part("an agent's reconcile", Agent, "reconcile"),
    Part("a batch of news in a control plane", PlaneProcess, "_pump"),
    Part("a round of the scheduler", Scheduler, "step"),
    Part("a round of a controller", LeaderLoop, "step"),
    Part("a request of a user", Users, "act"),
    Part("a flush of events", EventRecorder, "flush"),
    Part("a commit in the store", MemoryStore, "commit"),
    Part("a transaction seen by the checker", Checker, "apply"),
    Part(REST, Driver, "freeze"),
    Part(REST, Cluster, "_run"),
)


class Stopwatch:
    """Processor time and calls, by the name of the part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._inside: list[str] = []
        self._since = 0.0

    def per_call(self, part: str) -> float:
        """Microseconds."""
        return self.seconds[part] / self.calls[part] * 1e6

    def shares(self) -> str:
        """How much of all the time each part takes, in a line."""
        whole = sum(self.seconds.values())
        found = sorted(self.seconds.items(), key=lambda each: -each[1])
        return "of the time: " + ", ".join(f"{seconds / whole:.0%} {part}" for part, seconds in found)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """To all parts."""
        with ExitStack() as undo:
            for name, owner, method in PARTS:
                before = getattr(owner, method)
                if method in vars(owner):
                    undo.callback(setattr, owner, method, before)
                else:
                    undo.callback(delattr, owner, method)
                setattr(owner, method, self._timed(name, before))
            yield

    def _timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*args: Any, **named: Any) -> Any:
            self._turn()
            self._inside.append(part)
            self.calls[part] = self.calls.get(part, 0) + 1
            try:
                return method(*args, **named)
            finally:
                self._turn()
                self._inside.pop()

        return timed

    def _turn(self) -> None:
        now = time.process_time()
        if self._inside:
            self.seconds[self._inside[-1]] = self.seconds.get(self._inside[-1], 0.0) + now - self._since
        self._since = now
