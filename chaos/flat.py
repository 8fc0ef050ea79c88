"""Whether a process stays as it was under a load that repeats: the rule, over samples taken while nothing happens.

Pure. The first third of the samples is warming up and does not count. Of the rest the median of the later half may
exceed that of the earlier half by an allowance, which covers noise: an allocator's pools, a connection that is just
being made. What leaks with each round of the load exceeds it, given enough rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_SAMPLES = 9


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process at one moment; `memory` is the resident set in bytes."""

    memory: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`before` and `after` are the two medians."""

    what: str
    before: float
    after: float
    allowed: float

    @property
    def flat(self) -> bool:
        return self.after - self.before <= self.allowed


def judge(samples: Sequence[Usage]) -> list[Verdict]:
    """Memory may grow by 3 %, but at least by 2 MiB; threads and descriptors by 8, as a control plane that is asked, or
    leads, only from now on starts its workers. Raises ValueError for too few."""
    if len(samples) < LEAST_SAMPLES:
        raise ValueError(f"{len(samples)} samples tell nothing; at least {LEAST_SAMPLES} are needed")
    settled = samples[len(samples) // 3 :]
    earlier, later = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    memory = _medians([one.memory for one in earlier], [one.memory for one in later])
    threads = _medians([one.threads for one in earlier], [one.threads for one in later])
    descriptors = _medians([one.descriptors for one in earlier], [one.descriptors for one in later])
    return [
        Verdict("memory", *memory, allowed=max(0.03 * memory[0], 2 << 20)),
        Verdict("threads", *threads, allowed=8),
        Verdict("descriptors", *descriptors, allowed=8),
    ]


def _medians(earlier: Sequence[int], later: Sequence[int]) -> tuple[float, float]:
    return statistics.median(earlier), statistics.median(later)
