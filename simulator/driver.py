"""Virtual time: what is to happen when, one thing after the other, and processes that can be killed or frozen.

Knows nothing of clusters. An actor is one of a process's loops, stepped where the real process has a thread.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from random import Random

from taskyard.clock import ManualClock

_HOT = 3000
"""Steps at which one loop counts as hot, when no more than `_MOMENT` seconds pass meanwhile."""
_MOMENT = 1.0


class Crash(BaseException):
    """The process was killed. Not an Exception: nothing in it may survive this."""


class HotLoop(Exception):
    """A loop that works without end, and gets nowhere."""


class Escaped(Exception):
    """Something that a loop let out of a step, which real threads would have met with nobody to handle it."""

    def __init__(self, actor: Actor, error: Exception) -> None:
        super().__init__(f"{actor.process.name}'s {actor.name} lets {type(error).__name__} out: {error}")


class Process:
    """One life of one program. `name` stays the same over restarts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        """In the middle of a step, which goes on later; nothing else of it runs meanwhile."""
        self.frozen_since = math.inf
        """On the monotonic clock. It goes on only after all that have been frozen since, so later than was drawn."""
        self.delayed: dict[Actor, None] = {}
        """What was due while it was frozen, in order."""

    def kill(self) -> None:
        self.alive = False


class Actor:
    """`step` does one thing and returns the seconds until it wants to be called again (inf: when it is woken)."""

    __slots__ = ("_began", "_steps", "due", "name", "process", "step")

    def __init__(self, process: Process, name: str, step: Callable[[], float]) -> None:
        self.process = process
        self.name = name
        self.step = step
        self.due = math.inf
        self._began = -math.inf
        self._steps = 0

    def count(self, now: float) -> None:
        self._steps += 1
        if now - self._began > _MOMENT:
            self._began, self._steps = now, 1
        elif self._steps > _HOT:
            raise HotLoop(f"{self.process.name}'s {self.name} took {_HOT} steps within {_MOMENT:g} s")


class Driver:
    """`crashed` is called with each process that was killed in a step of its own."""

    def __init__(self, clock: ManualClock, random: Random) -> None:
        self.clock = clock
        self.random = random
        self.failure: Exception | None = None
        """The first that was noted. Raised by `run` as soon as the step is over in which it was."""
        self.crashed: Callable[[Process], None] = lambda _: None
        self.steps = 0
        self._heap: list[tuple[float, int, Actor]] = []
        self._count = 0
        self._now = clock.monotonic()
        """By the clock, which nobody else advances."""

    def fail(self, found: Exception) -> None:
        """Noted rather than raised where the components would outlive it."""
        if self.failure is None:
            self.failure = found

    def wake(self, actor: Actor, delay: float) -> None:
        """Runs it in `delay` seconds at the latest."""
        due = self._now + delay
        if due < actor.due:
            actor.due = due
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, actor))

    def latency(self) -> float:
        """Of one step or message, in seconds: mostly a few milliseconds, now and then much more."""
        drawn = self.random.random()
        return 0.001 + 0.01 * drawn if drawn < 0.98 else self.random.uniform(0.05, 0.8)

    def run(self, until: float) -> None:
        """Everything that is due until then, on the monotonic clock. May be called from within a step: the process of
        that step is frozen meanwhile."""
        heap, never, next_of, advance_to = self._heap, math.inf, heapq.heappop, self.clock.advance_to
        while heap and heap[0][0] <= until:
            due, _, actor = next_of(heap)
            if actor.due != due:
                continue
            actor.due = never
            process = actor.process
            if not process.alive:
                continue
            if due > self._now:
                self._now = advance_to(due)
            if process.frozen:
                process.delayed[actor] = None
                continue
            self.steps += 1
            try:
                actor.count(self._now)
                delay = actor.step()
            except Crash:
                process.kill()
                self.crashed(process)
            except HotLoop as error:
                self.fail(error)
            except Exception as error:
                escaped = Escaped(actor, error)
                escaped.__cause__ = error
                self.fail(escaped)
            else:
                if delay < never and process.alive:
                    self.wake(actor, delay)
            if self.failure is not None:
                raise self.failure
        if until > self._now:
            self._now = advance_to(until)

    def freeze(self, process: Process, seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
        """In the middle of a step of this process: all others go on. Raises Crash when it was killed meanwhile, or when
        something failed elsewhere: the run is over then, and what failed is not this process's to handle."""
        process.frozen, process.frozen_since = True, self.clock.monotonic()
        try:
            if meanwhile is not None:
                meanwhile()
            self.run(self.clock.monotonic() + seconds)
        except Exception as error:
            self.fail(error)
        finally:
            process.frozen, process.frozen_since = False, math.inf
        if self.failure is not None or not process.alive:
            raise Crash
        delayed, process.delayed = process.delayed, {}
        for actor in delayed:
            self.wake(actor, self.latency())
