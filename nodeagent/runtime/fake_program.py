"""What a container of the fake runtime does instead of running a process. Pure: `fake_containers.py` plays it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """What a container does once started: `runs` seconds (None: until it is killed), then ends with `exit_code`."""

    runs: float | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    child_out_of_memory: bool = False
    """The kernel kills a child of it, and it goes on."""
    ignores: frozenset[str] = frozenset()
    """Signals that it does not end at; SIGKILL always ends it."""
    signalled: int = 143
    """How it ends at a signal, but for SIGKILL."""
    healthy_after: float = 0.0
    unhealthy_after: float | None = None
    refuses_to_start: str = ""

    def to_come(self, began: float, health: str) -> Iterator[float]:
        """When something happens by itself, if it was started at `began`. `health`: as told so far; empty without a
        probe."""
        if self.runs is not None:
            yield began + self.runs
        if health == "starting":
            yield began + self.healthy_after
        if health not in ("", "unhealthy") and self.unhealthy_after is not None:
            yield began + self.unhealthy_after
