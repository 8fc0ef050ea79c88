"""Where a task may and would rather go, as plain values that can be compared and hashed: its spec's rules. Pure.

Amounts are in `demand.py`. What a rule means on a node is `controlplane.placement`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from taskyard.objects import NODE_NAME, Taint, TaskSpec, Toleration
from taskyard.objects.job import ATTEMPT, INDEX
from taskyard.objects.service import SLOT
from taskyard.tolerations import Tolerated, plain, tolerated_by

Labels = tuple[tuple[str, str], ...]
"""In the order of their keys."""


class Constraint(NamedTuple):
    """One comparison of a node's label or attribute; `weight` 0: it has to hold."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    weight: int = 0


class Neighbours(NamedTuple):
    """Tasks of the same namespace that have these labels, counted by the value of a node's label or attribute."""

    selector: Labels
    topology: str = NODE_NAME


class Affinity(NamedTuple):
    """Near such tasks, or away from them (`apart`); `weight` 0: it has to hold."""

    neighbours: Neighbours
    apart: bool = False
    weight: int = 0


class Spread(NamedTuple):
    """No value of the label has more than `max_skew` such tasks more than another; `weight` 0: it has to hold."""

    neighbours: Neighbours
    max_skew: int = 1
    weight: int = 0


class Rules(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """What holds, and what is preferred, beside room. Equal rules admit equal nodes."""

    constraints: tuple[Constraint, ...] = ()
    tolerations: tuple[Tolerated, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    spreads: tuple[Spread, ...] = ()
    max_per_node: int = 0
    """Tasks with its own labels on one node; 0: any number."""
    min_available: int = 0
    """Tasks with its own labels that are left when some are stopped to make room."""
    volumes: tuple[str, ...] = ()
    """Named volumes of its namespace that it has to have the data of."""

    @property
    def by_neighbours(self) -> bool:
        """Where it may go depends on where others are, or their data."""
        return bool(self.affinities or self.spreads or self.max_per_node or self.volumes)

    def tolerates(self, taint: Taint) -> bool:
        return any(tolerated_by(each, taint) for each in self.tolerations)


ANYWHERE = Rules()


OF_ONE_TASK = frozenset({SLOT, INDEX, ATTEMPT})
"""Labels that tell the tasks of a service or job apart; no rule counts by them, so that these tasks are equal."""


def labels_of(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def shared_labels(labels: dict[str, str]) -> Labels:
    """Of a task, those by which rules count it."""
    return tuple(sorted(pair for pair in labels.items() if pair[0] not in OF_ONE_TASK))


def rules_of(spec: TaskSpec, own: Labels) -> Rules:
    """`own`: the task's labels, which its rules mean when they name none."""
    if not (
        spec.constraints
        or spec.tolerations
        or spec.affinity
        or spec.anti_affinity
        or spec.spread
        or spec.max_per_node
        or spec.min_available
        or spec.volumes
    ):
        return ANYWHERE
    near = tuple(
        Affinity(Neighbours(labels_of(each.selector) or own, each.topology_key), apart, each.weight or 0)
        for each, apart in [(a, False) for a in spec.affinity] + [(a, True) for a in spec.anti_affinity]
    )
    return Rules(
        constraints=tuple(
            Constraint(
                each.key, each.operator, tuple(each.values) or ((each.value,) if each.value else ()), each.weight or 0
            )
            for each in spec.constraints
        ),
        tolerations=tuple(kept for each in spec.tolerations for kept in _for_good(each)),
        affinities=near,
        spreads=tuple(
            Spread(Neighbours(labels_of(each.selector) or own, each.topology_key), each.max_skew, each.weight or 0)
            for each in spec.spread
        ),
        max_per_node=spec.max_per_node or 0,
        min_available=spec.min_available,
        volumes=pinned_volumes(spec),
    )


def pinned_volumes(spec: TaskSpec) -> tuple[str, ...]:
    """The named volumes that the task follows, in the order of their names."""
    return tuple(sorted({each.name for each in spec.volumes if each.type == "volume" and each.name and each.pinned}))


def _for_good(each: Toleration) -> Iterable[Tolerated]:
    """What of it counts where a task is placed: where it would soon have to leave again it does not go."""
    if each.toleration_seconds is None:
        yield plain(each)
    elif not each.effect:
        yield each.key, each.operator, each.value, "NoSchedule"
        yield each.key, each.operator, each.value, "PreferNoSchedule"


def pinned(spec: TaskSpec) -> str:
    """Why a task of this spec is never moved off a node that lives; empty when it may be."""
    if spec.singleton:
        return "it is a singleton, which would have to stop before it starts elsewhere"
    if spec.run_once:
        return "it runs once, and elsewhere it would run again"
    if pinned_volumes(spec):
        return "the data of its named volume is on its node"
    return ""
