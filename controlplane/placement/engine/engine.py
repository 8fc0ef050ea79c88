"""The nodes of one snapshot as sets of bits, charged as a batch goes on: where is the best place for this task?

Kept from one snapshot to the next, of which it takes over what is different; what it answers depends on the snapshot
and what was charged since, never on what came before. Nodes are numbered in the order in which they go
first among equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from controlplane.cluster import Demand
from controlplane.cluster.rules import Spread
from controlplane.placement.around import own_neighbours, selects
from controlplane.placement.engine.admitted import Admitted, Group, merged, split
from controlplane.placement.engine.bits import each, pack
from controlplane.placement.engine.census import Neighbourhood
from controlplane.placement.engine.order import Order
from controlplane.placement.engine.rooms import Rooms
from controlplane.placement.homes import Homes
from controlplane.placement.nodes import NodeFacts, NodeState, Snapshot
from controlplane.placement.quotas import Allowance, Amount, over, spent
from controlplane.placement.scores import UNEVEN_AT_MOST, score_of
from controlplane.placement.shares import POINTS
from taskyard.keys import NamedKey


class Choice(msgspec.Struct, frozen=True, gc=False):
    node: str
    score: float
    """As `scores.total` has it."""


@dataclass(slots=True)
class _Trail:
    """Where the last of the tasks with one demand went: all nodes before it were found to have no room. Only of those
    for which nothing but amounts changes as nodes fill up."""

    rank: int
    nodes: int
    """Of that rank, and perhaps with room."""
    spread: bool
    most: int
    """None of them has more points."""


class Engine:
    """`take` a snapshot, then choose and charge."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._number: dict[str, int] = {}
        self._states: list[NodeState] = []
        self._bits: list[int] = []
        self._charged: set[int] = set()
        """Differ from their state by what was charged."""
        self._trails: dict[Demand, _Trail] = {}
        """They hold while nodes only fill up."""
        self._strategy = "spread"
        self._quotas: Mapping[str, Allowance] = {}
        self._volumes: Homes = {}
        self._spent: dict[str, Amount] = {}
        self._start()

    def take(self, snapshot: Snapshot) -> None:
        """From here on it is about these nodes, with nothing charged."""
        self._trails.clear()
        self._strategy = snapshot.strategy
        self._quotas = snapshot.quotas
        self._volumes = snapshot.volumes
        tenants = (tenant for node in snapshot.nodes.values() for tenant in node.tenants)
        self._spent = spent(self._quotas, tenants) if self._quotas else {}
        if not self._numbered_as(snapshot):
            self._names = sorted(snapshot.nodes, key=lambda name: snapshot.nodes[name].facts.precedence)
            self._number = {name: number for number, name in enumerate(self._names)}
            self._states = [snapshot.nodes[name] for name in self._names]
            self._start()
            return
        nodes, states = snapshot.nodes, self._states
        changed = [at for at, name in enumerate(self._names) if nodes[name] is not states[at]]
        again, moved, opened = self._charged.union(changed), False, False
        for at in changed:
            before, now = states[at].facts, nodes[self._names[at]].facts
            if before is not now:
                moved = moved or not _alike(before, now)
                opened = opened or before.open != now.open
            states[at] = nodes[self._names[at]]
        for at in again:
            self._rooms.load(at, self._bits[at], states[at])
            self._order.load(at, self._bits[at], states[at])
        self._charged.clear()
        if moved:
            self._survey()
            return
        for at in again:
            self._near.replace(at, self._bits[at], states[at].tenants)
        if opened:
            self._admitted.reopen(self._open())

    def choose(self, demand: Demand, current: str = "") -> Choice | None:
        """The best node that it fits on; the `current` one whenever it fits there. None: it fits nowhere."""
        if self._quotas and not self.allows(demand):
            return None
        kept = self._near.kept_from(demand)
        trail = self._trails.get(demand)
        if trail is not None and not current and not kept:
            further = self._further(demand, trail)
            if further is not None:
                return further
        return self._from_the_start(demand, kept, current)

    def _from_the_start(self, demand: Demand, kept: int, current: str) -> Choice | None:
        groups = self._fitting(demand, kept)
        spread = (demand.strategy or self._strategy) == "spread"
        if current and (at := self._number.get(current)) is not None:
            for rank, nodes in groups:
                if self._rooms.enough(demand, nodes & self._bits[at])[0] and self._rooms.takes(at, demand):
                    return Choice(current, score_of(rank, self._order.points(at, demand, spread), current=True))
        for rank, nodes in groups:
            nodes, sure = self._rooms.enough(demand, nodes)
            if nodes:
                best = self._order.best(demand, spread, nodes, sure)
                if self._rooms.in_vain:
                    self._rooms.learn(demand)
                if best is not None:
                    if not (kept or demand.ports or demand.rules.by_neighbours):
                        self._trails[demand] = _Trail(rank, nodes, spread, best[0] if spread else POINTS)
                    return Choice(self._names[-best[2]], score_of(rank, best[0]))
        return None

    def _further(self, demand: Demand, trail: _Trail) -> Choice | None:
        """What a search from the start would find, unless there is nothing left among the nodes of that rank."""
        best = self._order.best(demand, trail.spread, trail.nodes, False, trail.most)
        if self._rooms.in_vain:
            self._rooms.learn(demand)
            trail.nodes, _ = self._rooms.enough(demand, trail.nodes)
        if best is None:
            return None
        if trail.spread:
            trail.most = best[0]
        return Choice(self._names[-best[2]], score_of(trail.rank, best[0]))

    def allows(self, demand: Demand) -> bool:
        """Its namespace may have so much more."""
        quota = self._quotas.get(demand.namespace)
        return quota is None or not over(quota, self._spent[demand.namespace], demand)

    def may_take(self, demand: Demand, nodes: Iterable[str] | None = None) -> bool:
        """One of these, or of all, has room for it and takes it, the rules about other tasks apart."""
        among = -1 if nodes is None else 0
        for name in nodes or ():
            if name in self._number:
                among |= self._bits[self._number[name]]
        for group in self._admitted.groups(demand):
            some, sure = self._rooms.enough(demand, group.nodes & among)
            if some and (sure or any(self._rooms.takes(at, demand) for at in each(some))):
                return True
        return False

    def charge(self, node: str, demand: Demand) -> None:
        at = self._number[node]
        bit = self._bits[at]
        self._charged.add(at)
        self._rooms.charge(at, bit, demand)
        self._order.charge(at, bit, demand)
        self._near.move_in(at, bit, demand)
        if self._spent:
            self._spend(demand, 1)

    def release(self, node: str, demand: Demand) -> None:
        """Undoes a charge, or takes a task away that is there in the snapshot."""
        at = self._number[node]
        bit = self._bits[at]
        self._charged.add(at)
        self._trails.clear()
        self._rooms.release(at, bit, demand)
        self._order.charge(at, bit, demand, -1)
        self._near.move_out(at, bit, demand)
        self._spend(demand, -1)

    def _spend(self, demand: Demand, sign: int) -> None:
        if demand.counted and demand.namespace in self._spent:
            self._spent[demand.namespace] = self._spent[demand.namespace].plus(demand, sign)

    def knows(self, node: str) -> bool:
        return node in self._number

    def _numbered_as(self, snapshot: Snapshot) -> bool:
        """These are the nodes that there are numbers for, and none has another capacity."""
        nodes = snapshot.nodes
        return nodes.keys() == self._number.keys() and all(
            (now := nodes[state.facts.name]) is state
            or now.facts is state.facts
            or now.facts.capacity == state.facts.capacity
            for state in self._states
        )

    def _start(self) -> None:
        self._bits = [1 << at for at in range(len(self._states))]
        self._charged.clear()
        self._rooms = Rooms(self._states)
        self._order = Order(self._states, self._rooms, self._bits)
        self._survey()

    def _survey(self) -> None:
        facts: list[NodeFacts] = [state.facts for state in self._states]
        self._admitted = Admitted(facts, self._open())
        self._near = Neighbourhood(
            self._admitted.values, lambda at, key: self._states[at].facts.attribute(key), len(facts)
        )
        for at, state in enumerate(self._states):
            if state.tenants:
                self._near.replace(at, self._bits[at], state.tenants)

    def _open(self) -> int:
        return pack(["1" if state.facts.open else "0" for state in reversed(self._states)])

    def _fitting(self, demand: Demand, kept: int) -> Sequence[Group]:
        """Where everything but amounts allows it, by what is preferred. `kept`: the nodes that it is kept away from."""
        groups: Sequence[Group] = self._admitted.groups(demand)
        if kept:
            groups = _within(groups, ~kept)
        if demand.rules.by_neighbours:
            groups = self._by_neighbours(demand, groups)
        return groups

    def _by_neighbours(self, demand: Demand, admitted: Sequence[Group]) -> Sequence[Group]:
        rules, near, namespace = demand.rules, self._near, demand.namespace
        groups = admitted
        for volume in rules.volumes:
            homes = self._homes(NamedKey(namespace, volume))
            groups = groups if homes is None else _within(groups, homes)
        for term in rules.affinities:
            census = near.count(namespace, term.neighbours)
            if term.weight:
                groups = split(groups, census.some, -term.weight if term.apart else term.weight)
            elif term.apart:
                groups = _within(groups, ~census.some)
            elif census.some or not selects(term.neighbours.selector, demand.labels):
                groups = _within(groups, census.some)
            else:
                groups = _within(groups, census.everywhere)
        if rules.max_per_node:
            census = near.count(namespace, own_neighbours(demand))
            groups = _within(groups, census.at_most(rules.max_per_node - 1))
        if rules.spreads:
            could = 0
            for group in self._admitted.groups(demand):
                could |= group.nodes
            for rule in rules.spreads:
                groups = self._spread(demand, rule, groups, could)
        return merged(groups)

    def _homes(self, volume: NamedKey) -> int | None:
        """The nodes where its data is; None: nowhere yet."""
        recorded = self._volumes.get(volume)
        if recorded is not None:
            return self._bits[self._number[recorded]] if recorded in self._number else 0
        nodes = 0
        for at in self._near.mounted.get(volume, ()):
            if self._states[at].facts.ready:
                nodes |= self._bits[at]
        return nodes or None

    def _spread(self, demand: Demand, rule: Spread, groups: Sequence[Group], could: int) -> Sequence[Group]:
        census = self._near.count(demand.namespace, rule.neighbours)
        most = census.least(could) + rule.max_skew - 1
        if not rule.weight:
            return _within(groups, census.at_most(most))
        for beyond in range(UNEVEN_AT_MOST):
            groups = split(groups, ~census.at_most(most + beyond), -rule.weight)
        return groups


def _within(groups: Sequence[Group], nodes: int) -> list[Group]:
    return [Group(group.rank, some) for group in groups if (some := group.nodes & nodes)]


def _alike(one: NodeFacts, other: NodeFacts) -> bool:
    """In all that rules may name."""
    return (
        one.labels == other.labels
        and one.taints == other.taints
        and one.capacity == other.capacity
        and one.ready == other.ready
        and one.runtime == other.runtime
        and one.version == other.version
    )
