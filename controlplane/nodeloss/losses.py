"""Which nodes are lost, since when, and whether too many vanished together: a fold over what the store shows. Pure.

Nothing here is stored: times are this process's monotonic clock, so whoever begins to look counts anew, and can only be
later than it has to, never sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PERIOD = 10.0
"""Seconds: an agent's lease, unless the agents say that theirs is longer. What makes several nodes vanish at once shows
within it, since each lease was renewed at another moment."""


@dataclass(frozen=True, slots=True)
class Loss:
    since: float
    """When its lease was first seen to be gone."""
    counted_from: float
    """Where a task's delay begins: then, or when the nodes that vanished with it had come back."""
    not_before: float
    """While others vanish as well, it waits until it has shown how many there are."""


@dataclass(frozen=True, slots=True)
class MassLoss:
    """`nodes` are still lost; `vanished` of `known` did so within one period of each other."""

    nodes: frozenset[str]
    vanished: int
    known: int


@dataclass(frozen=True, slots=True)
class Losses:
    lost: Mapping[str, Loss] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()
    mass: MassLoss | None = None
    period: float = PERIOD
    """The longest lease that was seen."""
    expected: frozenset[str] = frozenset()
    """Of the lost, those in maintenance."""

    def differing(self, other: Losses) -> set[str]:
        """The nodes of whose tasks the two say different things."""
        names = self.lost.keys() | other.lost.keys()
        found = {name for name in names if self.lost.get(name) != other.lost.get(name)}
        return found | (self.held ^ other.held) | (self.expected ^ other.expected)

    @property
    def held(self) -> frozenset[str]:
        """The nodes whose tasks are not placed again for now."""
        return self.mass.nodes if self.mass else frozenset()


@dataclass(frozen=True, slots=True)
class Sighting:
    """The nodes at one revision."""

    ready: frozenset[str]
    """Their leases are there."""
    holding: frozenset[str] = frozenset()
    """Without a lease, with tasks bound to them: lost, even where nobody saw it happen."""
    known: frozenset[str] = frozenset()
    """Without a lease, with anything else left in the store."""
    confirmed: frozenset[str] = frozenset()
    """An operator says that they are gone, so they are no reason to wait."""
    maintained: frozenset[str] = frozenset()
    """An operator works on them: what becomes of them says nothing of the others."""
    period: float = PERIOD
    """Seconds: the longest of the leases that are there."""


def observe(before: Losses, seen: Sighting, now: float) -> Losses:
    """What is to be believed of the nodes from now on. Call it whenever a node comes or goes."""
    period = max(before.period, seen.period)
    gone = (before.lost.keys() | before.ready | seen.holding) - seen.ready
    lost = {name: before.lost.get(name) or Loss(now, now, now) for name in gone}
    for name in gone - seen.holding - seen.known - before.held:
        if lost[name].since + period <= now:
            del lost[name]
    mass = _going_on(before.mass, lost, seen)
    for name in before.expected & lost.keys() - seen.maintained:
        # Its maintenance is over, and it is not back: from now on it is missed.
        lost[name] = Loss(now, now, now)
    recent = {name for name, loss in lost.items() if loss.since + period > now} - seen.confirmed - seen.maintained
    if recent - (mass.nodes if mass else frozenset()):
        mass = _begun(mass, recent, len(seen.ready))
    for name in before.held & lost.keys() - (mass.nodes if mass else frozenset()):
        lost[name] = Loss(lost[name].since, now, now)
    if len(recent) > 1:
        shown = max(lost[name].since for name in recent) + period
        lost.update({name: Loss(lost[name].since, lost[name].counted_from, shown) for name in recent})
    return Losses(lost, seen.ready, mass, period, seen.maintained & lost.keys())


def _going_on(mass: MassLoss | None, lost: Mapping[str, Loss], seen: Sighting) -> MassLoss | None:
    """It is over once half of the nodes are back. One that is confirmed to be gone, or worked on, counts no longer."""
    if mass is None:
        return None
    given_up = mass.nodes & (seen.confirmed | seen.maintained)
    still = (mass.nodes - given_up) & lost.keys()
    known = mass.known - len(given_up)
    return MassLoss(still, mass.vanished, known) if 2 * len(still) > known else None


def _begun(mass: MassLoss | None, recent: set[str], ready: int) -> MassLoss | None:
    """Nodes that were lost long ago count for nothing; those of a mass loss that goes on count with the new ones."""
    vanished = recent | (mass.nodes if mass else frozenset())
    known = ready + len(vanished)
    if mass is None and (len(vanished) < 2 or 2 * len(vanished) <= known):
        return None
    return MassLoss(frozenset(vanished), len(vanished), max(known, mass.known if mass else 0))
