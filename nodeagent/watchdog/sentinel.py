"""What the watchdog knows, and what is to be done at a given moment. Pure; times are seconds of CLOCK_BOOTTIME.

A container is held from before its start. When the time to stop comes, what is held is condemned for good, whatever
the lease does then: a start that was on its way may still come true later, when the task runs elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

EAGER = 0.05
"""Seconds between two looks for processes of the condemned: so long can one live whose start came too late."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The container's first process gets this signal, so that it can end by itself."""

    container: str
    signal: int


@dataclass(frozen=True, slots=True)
class Kill:
    """All processes of the container are killed."""

    container: str


@dataclass(slots=True)
class Sentinel:
    stop_at: float = -math.inf
    """From here on nothing new is held, and what is gets its stop signal."""
    kill_at: float = -math.inf
    """From here on nothing of that may run."""
    held: dict[str, int] = field(default_factory=dict)
    """Container id → the signal that asks it to stop."""
    condemned: dict[str, float] = field(default_factory=dict)
    """Container id → from when on it is killed."""
    over: set[str] = field(default_factory=set)
    """Those of the condemned that have run and ended: no start of theirs can be on its way any more."""

    def extend(self, stop_at: float, kill_at: float) -> None:
        """Never takes back: an answer to an older renewal may come late."""
        self.stop_at, self.kill_at = max(stop_at, self.stop_at), max(kill_at, self.kill_at)

    def hold(self, container: str, signal: int, now: float) -> bool:
        """False when it is too late: it must not start."""
        if now >= self.stop_at or container in self.condemned:
            return False
        self.held[container] = signal
        return True

    def ended(self, container: str) -> None:
        """It has run, and has ended: it need not be looked for any more."""
        if container in self.condemned:
            self.over.add(container)

    def release(self, container: str) -> None:
        """It has been removed."""
        self.held.pop(container, None)
        self.condemned.pop(container, None)
        self.over.discard(container)

    def fence(self, now: float) -> None:
        """The lease is gone already."""
        self.stop_at = self.kill_at = min(self.kill_at, now)
        self.condemned = {container: min(at, now) for container, at in self.condemned.items()}

    def idle(self, now: float) -> bool:
        """Nothing is due."""
        return (not self.held or now < self.stop_at) and not any(at <= now for _, at in self._wanted())

    def due(self, now: float) -> list[Stop | Kill]:
        steps: list[Stop | Kill] = []
        if now >= self.stop_at:
            steps += [Stop(container, signal) for container, signal in self.held.items()]
            self.condemned.update(dict.fromkeys(self.held, self.kill_at))
            self.held.clear()
        return steps + [Kill(container) for container, at in self._wanted() if at <= now]

    def wait(self, now: float, *, look_every: float = EAGER) -> float:
        """Seconds until `due` has to be asked again, whatever is heard meanwhile; inf when nothing is in its care."""
        waits = [max(at - now, EAGER) if at > now else look_every for _, at in self._wanted()]
        if self.held:
            waits.append(max(self.stop_at - now, 0.0))
        return min(waits, default=math.inf)

    def _wanted(self) -> list[tuple[str, float]]:
        if not self.condemned:
            return []
        return [(container, at) for container, at in self.condemned.items() if container not in self.over]
