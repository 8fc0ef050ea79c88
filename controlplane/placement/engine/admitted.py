"""Which nodes a task's selector, constraints and tolerations admit, and which of them it prefers: sets of bits.

Worked out value by value of a label, not node by node, and kept for each set of rules until a node's facts change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controlplane.cluster import Demand
from controlplane.cluster.rules import Constraint, Labels
from controlplane.placement.comparing import admits
from controlplane.placement.engine.bits import pack
from controlplane.placement.nodes import NodeFacts
from controlplane.placement.scores import WELCOME_RANK
from taskyard.objects import Taint

_KEPT = 4096
"""Sets of rules that are remembered."""
_FEW = 16


class Group(NamedTuple):
    """Nodes that are equal in what is preferred of them; a larger rank goes first."""

    rank: int
    nodes: int


class Admitted:
    """Over the facts of the nodes, by their numbers. Make a new one when any of them changes."""

    def __init__(self, facts: Sequence[NodeFacts], open_nodes: int) -> None:
        self._facts = facts
        self._open = open_nodes
        self._by_value: dict[str, dict[str | None, int]] = {}
        self._of_taints: dict[tuple[Taint, ...], int] = self._by_taints()
        self._everybody = (1 << len(facts)) - 1
        self._met: dict[Constraint, int] = {}
        self._kept: dict[tuple[Labels, tuple[Constraint, ...], object], tuple[Group, ...]] = {}

    def reopen(self, open_nodes: int) -> None:
        """Nothing else about the nodes is different than which are open."""
        self._open = open_nodes
        self._kept.clear()

    def groups(self, demand: Demand) -> tuple[Group, ...]:
        """The best first; none of them is empty."""
        rules = demand.rules
        asked = demand.selector, rules.constraints, rules.tolerations
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
                self._met.clear()
            found = self._kept[asked] = self._work_out(demand)
        return found

    def values(self, key: str) -> dict[str | None, int]:
        """By the value of a label or attribute, the nodes that have it; under None those that do not."""
        found = self._by_value.get(key)
        if found is None:
            at: dict[str | None, list[int]] = {}
            for number, facts in enumerate(self._facts):
                at.setdefault(facts.attribute(key), []).append(number)
            found = self._by_value[key] = {value: _set_of(numbers) for value, numbers in at.items()}
        return found

    def _work_out(self, demand: Demand) -> tuple[Group, ...]:
        nodes, unwelcome, rules = self._open, 0, demand.rules
        for taints, having in self._of_taints.items():
            felt = {taint.effect for taint in taints if not rules.tolerates(taint)}
            if felt - {"PreferNoSchedule"}:
                nodes &= ~having
            elif felt:
                unwelcome |= having
        for key, value in demand.selector:
            nodes &= self.values(key).get(value, 0)
        for constraint in rules.constraints:
            if not constraint.weight:
                nodes &= self._meeting(constraint)
        groups = split([Group(WELCOME_RANK, nodes)] if nodes else [], unwelcome, -WELCOME_RANK)
        for constraint in rules.constraints:
            if constraint.weight:
                groups = split(groups, self._meeting(constraint), constraint.weight)
        return tuple(merged(groups))

    def _meeting(self, constraint: Constraint) -> int:
        found = self._met.get(constraint)
        if found is None:
            values = self.values(constraint.key)
            if constraint.operator in ("=", "in"):
                found = _union(values.get(value, 0) for value in constraint.values)
            elif constraint.operator in ("!=", "not in"):
                found = self._everybody & ~_union(values.get(value, 0) for value in constraint.values)
            else:
                found = _union(having for value, having in values.items() if admits(constraint, value))
            self._met[constraint] = found
        return found

    def _by_taints(self) -> dict[tuple[Taint, ...], int]:
        at: dict[tuple[Taint, ...], list[int]] = {}
        for number, facts in enumerate(self._facts):
            if facts.taints:
                at.setdefault(facts.taints, []).append(number)
        return {taints: _set_of(numbers) for taints, numbers in at.items()}


def split(groups: Sequence[Group], some: int, weight: int) -> list[Group]:
    """Those among `some` rank higher by the weight."""
    found = []
    for rank, nodes in groups:
        inside = nodes & some
        if inside:
            found.append(Group(rank + weight, inside))
        if inside != nodes:
            found.append(Group(rank, nodes & ~some))
    return found


def merged(groups: Sequence[Group]) -> list[Group]:
    """One for each rank, the best first."""
    by_rank: dict[int, int] = {}
    for rank, nodes in groups:
        by_rank[rank] = by_rank.get(rank, 0) | nodes
    return [Group(rank, by_rank[rank]) for rank in sorted(by_rank, reverse=True)]


def _set_of(numbers: Sequence[int]) -> int:
    if len(numbers) < _FEW:
        return _union(1 << number for number in numbers)
    members = set(numbers)
    return pack(["1" if number in members else "0" for number in range(max(members), -1, -1)])


def _union(sets: Iterable[int]) -> int:
    found = 0
    for some in sets:
        found |= some
    return found
