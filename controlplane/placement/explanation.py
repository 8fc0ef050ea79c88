"""Why a task fits nowhere, or where it would: every filter on every node, and that in one line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from controlplane.cluster import Demand
from controlplane.placement.around import Around
from controlplane.placement.filters import FILTERS, Check, asked
from controlplane.placement.nodes import NodeState, Snapshot
from controlplane.placement.refusing import Failure
from controlplane.placement.scores import parts
from controlplane.placement.want import Held, Want

_NAMED = 3
"""Nodes that the line names for each reason, those that lack least first."""


class NodeVerdict(msgspec.Struct, frozen=True):
    """`failures` is all that is in the way there, in the order of the filters; `score` counts when there is nothing."""

    node: str
    failures: tuple[Failure, ...]
    score: float = 0.0
    ties: tuple[int, tuple[int, int, str]] = (0, (0, 0, ""))
    """Among equal scores, smaller is better: tasks on it, then the node's precedence."""
    scores: Mapping[str, float] = msgspec.field(default_factory=dict)
    """The parts that the score is the sum of, by their names."""


@dataclass(frozen=True, slots=True)
class Explanation:
    nodes: tuple[NodeVerdict, ...]
    """By name."""

    @property
    def fits(self) -> bool:
        """Some node does."""
        return any(not verdict.failures for verdict in self.nodes)

    @property
    def fitting(self) -> tuple[NodeVerdict, ...]:
        """Best first."""
        return tuple(sorted((v for v in self.nodes if not v.failures), key=lambda v: (-v.score, v.ties)))

    @property
    def message(self) -> str:
        """`0 of 3 nodes fit: 2 too little memory (n1 needs 256Mi more, n2 needs 1Gi more), 1 cordoned (n3)`."""
        if not self.nodes:
            return "0 of 0 nodes fit: no node has joined yet (start one with 'taskyard agent')"
        count, fitting = len(self.nodes), self.fitting
        line = f"{len(fitting)} of {count} node{'s' if count != 1 else ''} fit{'s' if count == 1 else ''}"
        groups = [group for group in self._groups() if group]
        if fitting:
            groups.insert(0, f"best {fitting[0].node}")
        return f"{line}: {', '.join(groups)}" if groups else line

    def _groups(self) -> list[str]:
        """One phrase per filter that refused any node, that which refused most first."""
        by_filter: dict[str, list[tuple[Failure, str]]] = {}
        for verdict in self.nodes:
            for failure in verdict.failures:
                by_filter.setdefault(failure.filter, []).append((failure, verdict.node))
        refused = []
        for position, rule in enumerate(FILTERS):
            found = by_filter.get(rule.name)
            if found:
                found.sort(key=lambda pair: (pair[0].short, pair[1]))
                refused.append((-len(found), position, f"{len(found)} {rule.phrase} ({self._whom(found)})"))
        return [phrase for _, _, phrase in sorted(refused)]

    def _whom(self, found: list[tuple[Failure, str]]) -> str:
        """No names where the same is said of every node."""
        details = {failure.detail for failure, _ in found}
        everywhere = len(found) == len(self.nodes) > 1 and len(details) == 1
        return details.pop() if everywhere and details != {""} else _nodes(found)


def _nodes(found: Iterable[tuple[Failure, str]]) -> str:
    """Those of which the same is said stand together: `n1 needs 256Mi more`, `needs zone=a: n1, n2, and 7 more`."""
    by_detail: dict[str, list[str]] = {}
    for failure, node in found:
        by_detail.setdefault(failure.detail, []).append(node)
    shown = [
        f"{nodes[0]} {detail}" if detail and len(nodes) == 1 else f"{detail}: {_few(nodes)}" if detail else _few(nodes)
        for detail, nodes in list(by_detail.items())[:_NAMED]
    ]
    more = sum(map(len, list(by_detail.values())[_NAMED:]))
    shown += [f"and {more} more"] if more else []
    # The names of one group have commas between them.
    return ("; " if any(len(nodes) > 1 for nodes in by_detail.values()) else ", ").join(shown)


def _few(nodes: list[str]) -> str:
    more = [f"and {len(nodes) - _NAMED} more"] if len(nodes) > _NAMED else []
    return ", ".join([*nodes[:_NAMED], *more])


def why_waiting(want: Want, found: Explanation) -> str:
    """The line, for a task that was not placed although it may fit as well."""
    if not want.gang:
        return found.message
    return f"its gang {want.gang.partition('/')[2]} is placed together or not at all; of itself, {found.message}"


def explain(snapshot: Snapshot, demand: Demand, *, current: str = "", held: Held | None = None) -> Explanation:
    """For one task; `current` and `held` as in its `Want`."""
    if held is not None and held.node in snapshot.nodes:
        without = snapshot.nodes[held.node].released(held.demand)
        snapshot = snapshot.with_nodes({**snapshot.nodes, held.node: without})
    around = Around(snapshot)
    checks = [rule.check for rule in asked(demand, around)]
    return Explanation(
        tuple(
            _verdict(demand, checks, snapshot.nodes[name], around, name == current) for name in sorted(snapshot.nodes)
        )
    )


def _verdict(demand: Demand, checks: Iterable[Check], node: NodeState, around: Around, current: bool) -> NodeVerdict:
    failures = tuple([found for check in checks if (found := check(demand, node, around)) is not None])
    scores = {} if failures else parts(demand, node, around, current)
    return NodeVerdict(node.facts.name, failures, sum(scores.values()), (node.tasks, node.facts.precedence), scores)
