"""What may give a task that waits another try besides room on a node that has changed. Pure.

Its namespace has less anywhere, so that its quota allows more; or it may be let in where less important ones run, who
would be stopped for it. Worked out once for all that wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.around import could_be_admitted
from controlplane.placement.nodes import NodeState, Snapshot
from controlplane.placement.quotas import spent


def _nobody(_: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class News:
    freed: frozenset[str] = frozenset()
    """Namespaces with a quota that have less than before."""
    yielding: tuple[tuple[NodeState | None, NodeState], ...] = ()
    """Nodes, before and now, that may let somebody in whom they did not, or on which somebody matters less now."""
    matters_more: Callable[[int], bool] = _nobody
    """Than any that has a node, somewhere: what a task's priority is asked about."""

    def gives_way(self, demand: Demand) -> bool:
        """There are less important ones on a node that lets it in, and one of the two was not so before."""
        return any(_below(demand, now) and not (was and _below(demand, was)) for was, now in self.yielding)


NO_NEWS = News()


def keep_away(known: Mapping[str, NodeState], changed: Sequence[NodeState]) -> bool:
    """Tasks that keep others away from them, on any node that is near in their sense, may have come or gone."""
    before = [known[node.facts.name] for node in changed if node.facts.name in known]
    return any(tenant.rules.affinities for node in (*changed, *before) for tenant in node.tenants)


def news_of(
    snapshot: Snapshot,
    known: Mapping[str, NodeState],
    changed: Sequence[NodeState],
    waiting: Sequence[Demand],
    matters_more: Callable[[int], bool],
) -> News:
    """`known`: the nodes as they were. `waiting`: what the tasks that wait ask for."""
    pairs = [(known.get(node.facts.name), node) for node in changed]
    urgent = any(map(matters_more, {demand.priority for demand in waiting}))
    yielding = tuple((was, now) for was, now in pairs if urgent and _may_yield(was, now))
    return News(_freed(snapshot, pairs), yielding, matters_more)


def _freed(snapshot: Snapshot, pairs: Sequence[tuple[NodeState | None, NodeState]]) -> frozenset[str]:
    if not snapshot.quotas:
        return frozenset()
    before = spent(snapshot.quotas, (tenant for was, _ in pairs if was is not None for tenant in was.tenants))
    after = spent(snapshot.quotas, (tenant for _, now in pairs for tenant in now.tenants))
    return frozenset(
        name for name in snapshot.quotas if any(now < was for was, now in zip(before[name], after[name], strict=True))
    )


def _may_yield(was: NodeState | None, now: NodeState) -> bool:
    return was is None or was.facts is not now.facts or _least(now) < _least(was)


def _least(node: NodeState) -> float:
    """What is only a part of a task, as of one that grows, has no namespace, and no priority of its own."""
    return min((tenant.priority for tenant in node.tenants if tenant.namespace), default=float("inf"))


def _below(demand: Demand, node: NodeState) -> bool:
    return _least(node) < demand.priority and could_be_admitted(demand, node)
