"""What a run came to: the violation, if any, its story, and how much there was."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    violation: str
    """Empty: none."""
    story: str
    trace: str
    minutes: float
    """That were simulated."""
    steps: int
    writes: int
    faults: int
    """How many had their turn, and so how many numbers there are."""
    requests: int
