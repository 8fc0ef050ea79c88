"""What a benchmark says: figures with their spread, and whether the goals are met. No measuring happens here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one quantity, in `unit`."""

    name: str
    unit: str
    samples: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        """The nearest rank: the smallest sample that 99 % of them do not exceed; of fewer than 100 the largest."""
        return sorted(self.samples)[math.ceil(0.99 * len(self.samples)) - 1]


@dataclass(frozen=True, slots=True)
class Goal:
    """A value that the project promises, and the bound it promises."""

    name: str
    value: float
    bound: float
    sense: Literal["at most", "at least"]
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.sense == "at most" else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Report:
    name: str
    figures: Sequence[Figure]
    goals: Sequence[Goal]
    notes: Sequence[str] = field(default=())

    @property
    def met(self) -> bool:
        return all(goal.met for goal in self.goals)

    def to_json(self) -> bytes:
        """One object: figures with minimum, median, p99, maximum and samples; goals with their verdicts."""
        return msgspec.json.encode(
            {
                "benchmark": self.name,
                "figures": {
                    f.name: {
                        "unit": f.unit,
                        "min": round(min(f.samples), 4),
                        "median": round(f.median, 4),
                        "p99": round(f.p99, 4),
                        "max": round(max(f.samples), 4),
                        "samples": [round(s, 4) for s in f.samples],
                    }
                    for f in self.figures
                },
                "goals": {
                    g.name: {
                        "value": round(g.value, 4),
                        g.sense.replace(" ", "_"): g.bound,
                        "unit": g.unit,
                        "met": g.met,
                    }
                    for g in self.goals
                },
                "notes": list(self.notes),
                "met": self.met,
            }
        )

    def to_text(self) -> str:
        width = max(len(f.name) for f in self.figures)
        lines = [f"{self.name}"]
        for f in self.figures:
            spread = f"{min(f.samples):.2f} to {max(f.samples):.2f}, p99 {f.p99:.2f}, n={len(f.samples)}"
            lines.append(f"  {f.name:<{width}}  median {f.median:9.2f} {f.unit}   ({spread})")
        lines += [
            f"  {'met   ' if g.met else 'MISSED'}  {g.name}: {g.value:.3f} {g.unit}".rstrip()
            + f", goal {g.sense} {g.bound:g}"
            for g in self.goals
        ]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
