"""Bindings that are in the store, or may be, and that the cache does not show yet: their room is taken all the same."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from controlplane.cluster import ClusterCache, Demand
from controlplane.leading import Proposal
from controlplane.placement import NodeState, Snapshot
from controlplane.placement.want import beyond
from controlplane.scheduler.bindings import Bound
from taskyard.keys import NamedKey


@dataclass(frozen=True, slots=True)
class Assumption:
    proposal: Proposal[Bound]
    revision: int
    """Once the cache has reached it, the cache knows better; 0 while no answer has come."""
    charge: Demand
    """What it takes on its node besides what the cache shows of it there."""


class Assumptions:
    def __init__(self) -> None:
        self._by_key: dict[NamedKey, Assumption] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> Set[NamedKey]:
        return self._by_key.keys()

    def expect(self, proposal: Proposal[Bound], revision: int = 0) -> None:
        self._by_key[proposal.subject.key] = Assumption(proposal, revision, proposal.subject.charge)

    def drop(self, key: NamedKey) -> None:
        self._by_key.pop(key, None)

    def in_doubt(self) -> list[Proposal[Bound]]:
        """Sent, with no answer: to be sent again just as they are."""
        return [assumption.proposal for assumption in self._by_key.values() if not assumption.revision]

    def forget_seen(self, revision: int) -> None:
        """The cache has reached this revision."""
        seen = [key for key, assumption in self._by_key.items() if 0 < assumption.revision <= revision]
        for key in seen:
            del self._by_key[key]

    def recharge(self, cache: ClusterCache) -> None:
        """Call it under the cache's lock, before a snapshot of it is taken. Where a task is bound anew to the node that
        it is on, the version before may have ended since, and what that had is not set aside any more."""
        for key, assumption in self._by_key.items():
            bound = assumption.proposal.subject
            held = cache.usage(bound.node).by_uid.get(bound.uid)
            charge = beyond(bound.demand, held) if held is not None else bound.demand
            if charge != assumption.charge:
                self._by_key[key] = replace(assumption, charge=charge)

    def over(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with what is assumed taken out of its nodes' room."""
        if not self._by_key:
            return snapshot
        nodes = dict(snapshot.nodes)
        for assumption in self._by_key.values():
            name = assumption.proposal.subject.node
            node: NodeState | None = nodes.get(name)
            if node is not None:
                nodes[name] = node.charged(assumption.charge)
        return snapshot.with_nodes(nodes)

    def clear(self) -> None:
        self._by_key.clear()
