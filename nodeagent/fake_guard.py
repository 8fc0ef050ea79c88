"""The watchdog of a node in virtual time: the real sentinel over the fake runtime. For tests and simulations.

It belongs to the host, not to the agent: it goes on while that is frozen, dead or not started yet.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

from nodeagent.guard import fences
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerState
from nodeagent.watchdog.sentinel import EAGER, Kill, Sentinel, Stop
from taskyard.clock import Clock


class FakeGuard:
    def __init__(
        self,
        runtime: FakeRuntime,
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
        *,
        look_every: float = EAGER,
    ) -> None:
        """`changed` is told when `act` may be due sooner than it was. `look_every`: seconds between two looks for
        processes of the condemned; for who calls `act` after each start it may be long. Implements Guard."""
        self._runtime = runtime
        self._clock = clock
        self._changed = changed
        self._look_every = look_every
        self._sentinel = Sentinel()

    @property
    def held(self) -> frozenset[str]:
        return frozenset(self._sentinel.held)

    @property
    def condemned(self) -> frozenset[str]:
        return frozenset(self._sentinel.condemned)

    @property
    def due(self) -> bool:
        """`act` has something to do now."""
        return not self._sentinel.idle(self._clock.monotonic())

    def act(self) -> float:
        """What is due now; seconds until the next."""
        self._do_what_is_due()
        return self._sentinel.wait(self._clock.monotonic(), look_every=self._look_every)

    def _do_what_is_due(self) -> None:
        for step in self._sentinel.due(self._clock.monotonic()):
            match step:
                case Kill(container):
                    self._runtime.end(container, "SIGKILL")
                case Stop(container, signum):
                    self._runtime.end(container, signal.Signals(signum).name)

    def extend(self, deadline: float, ttl: float) -> None:
        self._do_what_is_due()
        times = fences(deadline, ttl)
        self._sentinel.extend(times.stop_at, times.kill_at)

    def fence(self) -> None:
        self._sentinel.fence(self._clock.monotonic())
        self._do_what_is_due()
        self._changed()

    def hold(self, container: str, stop_signal: str) -> bool:
        now = self._clock.monotonic()
        self._do_what_is_due()
        held = self._sentinel.hold(container, int(getattr(signal, stop_signal, signal.SIGTERM)), now)
        self._changed()
        return held

    def sees(self, container: str) -> bool:
        return any(one.id == container and one.state is ContainerState.RUNNING for one in self._runtime.everything())

    def ended(self, container: str) -> None:
        self._sentinel.ended(container)

    def release(self, container: str) -> None:
        self._sentinel.release(container)

    def ask(self) -> None:
        self._do_what_is_due()
