"""What a container of the fake runtime does instead of running a process. Data alone: `fake.py` plays it."""

from __future__ import annotations

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
    healthy_after: float = 0.0
    unhealthy_after: float | None = None
    refuses_to_start: str = ""
