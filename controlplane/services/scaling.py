"""How many tasks an autoscaled service is to have: by what its tasks use, within bounds, and steadily. Pure.

The formula is that of Kubernetes' HorizontalPodAutoscaler: tasks × value / target, rounded up, nothing within a tenth
of the target, the highest of several metrics. What is not known counts against a change: as nothing when more tasks are
called for, as the target itself when fewer are. A change has to hold for its window: the count rises to the lowest, and
falls to the highest, of what was recommended within it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from taskyard.objects import Autoscale
from taskyard.quantity import seconds

EVERY = 15.0
"""Seconds between two recommendations: agents measure as often."""
TOLERANCE = 0.1
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Load:
    """One metric. `values`: of each task that is to be there, in percent of what is set aside where that is the unit;
    None: not known. `why` it is not, of one of them."""

    name: str
    target: float
    values: tuple[float | None, ...]
    unit: str = "%"
    why: str = ""

    @property
    def mean(self) -> float | None:
        known = [value for value in self.values if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def text(self) -> str:
        """`cpu at 95% of a target of 60%`"""
        shown = "not known" if self.mean is None else f"at {_number(self.mean)}{self.unit}"
        return f"{self.name} {shown} of a target of {_number(self.target)}{self.unit}"

    @property
    def unknown(self) -> str:
        """`queue_length (task/web-0: connection refused)`"""
        return f"{self.name} ({self.why})" if self.why else self.name


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`replicas` within the bounds; `why` names the metric that decided, or what is in the way."""

    replicas: int
    why: str


@dataclass(frozen=True, slots=True)
class Recent:
    """What a controller remembers of one service. Times are monotonic seconds; `at`: of the last recommendation."""

    at: float
    recommended: tuple[tuple[float, int], ...]


def recommend(autoscale: Autoscale, current: int, loads: Sequence[Load]) -> Recommendation:
    wishes = [(load, _wish(load, current)) for load in loads]
    known = [(wish, load.text) for load, wish in wishes if wish is not None]
    unknown = [load.unknown for load, wish in wishes if wish is None]
    if not known:
        return Recommendation(current, f"nothing is known of {' and '.join(unknown)}")
    wish, why = max(known, key=lambda each: each[0])
    if unknown and wish < current:
        return Recommendation(current, f"{why}, but nothing is known of {' and '.join(unknown)}")
    bounded = bound(autoscale, wish)
    if bounded != wish:
        why = f"{why}, and {'max' if bounded < wish else 'min'} is {bounded}"
    return Recommendation(bounded, why)


def bound(autoscale: Autoscale, replicas: float) -> int:
    return int(min(max(replicas, autoscale.min), autoscale.max))


def rescale(
    autoscale: Autoscale, current: int, loads: Sequence[Load], recent: Recent | None, now: float
) -> tuple[Recommendation, Recent]:
    """How many there are to be from now on, `current` or another number, and what is to be remembered. Without a memory
    the windows begin with what there is; what the bounds call for counts as recommended."""
    within = bound(autoscale, current)
    recent = recent or Recent(-math.inf, ((now, within),))
    if within != current:
        recent = Recent(recent.at, (*recent.recommended, (now, within)))
        return Recommendation(within, f"between {autoscale.min} and {autoscale.max} are allowed"), recent
    if now - recent.at < EVERY:
        return Recommendation(current, ""), recent
    found = recommend(autoscale, current, loads)
    up, down = seconds(autoscale.stabilization.up), seconds(autoscale.stabilization.down)
    kept = tuple(each for each in recent.recommended if now - each[0] <= max(up, down))
    recommended = (*kept, (now, found.replicas))
    lowest = min(replicas for at, replicas in recommended if now - at <= up)
    highest = max(replicas for at, replicas in recommended if now - at <= down)
    replicas = bound(autoscale, max(current, lowest) if lowest > current else min(current, highest))
    return Recommendation(replicas, found.why), Recent(now, recommended)


def _wish(load: Load, current: int) -> float | None:
    """What this metric alone calls for, unbounded; None when it is known of no task."""
    mean, count = load.mean, len(load.values)
    if mean is None:
        return None
    ratio = mean / load.target
    if abs(ratio - 1) <= TOLERANCE + _EXACT:
        return current
    assumed = 0.0 if ratio > 1 else load.target
    whole = sum(assumed if value is None else value for value in load.values) / count / load.target
    if abs(whole - 1) <= TOLERANCE + _EXACT or (whole > 1) != (ratio > 1):
        return current
    wish = math.ceil(min(whole * count, 1e9) - _EXACT)
    return max(wish, current) if ratio > 1 else min(wish, current)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
