"""What is free on each node, and the sets of nodes that have enough of it for a demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from controlplane.cluster import Demand
from controlplane.cluster.demand import HostPortKey
from controlplane.placement.engine.ladder import Ladder
from controlplane.placement.nodes import NodeState

_IN_VAIN = 8
"""Nodes that may turn out to have too little in one search before the sets are made finer."""


class Rooms:
    """Nodes by their numbers; `bit` is always that of the node."""

    def __init__(self, states: Sequence[NodeState]) -> None:
        self.cpu = Ladder([state.cpu for state in states])
        self.memory = Ladder([state.memory for state in states])
        self.disk = Ladder([state.disk for state in states])
        self.in_vain = 0
        """Nodes that were looked at and had too little, in this search."""
        self._generic: dict[str, Ladder] = {}
        self._offered: list[frozenset[str]] = [frozenset(state.generic) for state in states]
        self._ports: dict[HostPortKey, int] = {}
        """Where each is taken."""
        self._taken: list[frozenset[HostPortKey]] = [frozenset()] * len(states)
        self._again: Counter[tuple[int, HostPortKey]] = Counter()
        """By node, how often a port that was taken was charged once more: it is kept for a task while the one that is
        stopped for it still has it, or several hold it."""
        for name in sorted({name for state in states for name in state.generic}):
            self._generic[name] = Ladder([state.generic.get(name, 0) for state in states])
        for at, state in enumerate(states):
            if state.ports:
                self._occupy(at, 1 << at, state.ports)
                self._count_doubled(at, state)

    def enough(self, demand: Demand, among: int) -> tuple[int, bool]:
        """Those `among` the nodes with room for it, or (False) perhaps also some that `takes` refuses."""
        sure = True
        if demand.cpu:
            some, exact = self.cpu.at_least(demand.cpu)
            among &= some
            sure &= exact
        if demand.memory:
            some, exact = self.memory.at_least(demand.memory)
            among &= some
            sure &= exact
        if demand.disk:
            some, exact = self.disk.at_least(demand.disk)
            among &= some
            sure &= exact
        for name, amount in demand.generic:
            ladder = self._generic.get(name)
            if ladder is None:
                return 0, True
            some, exact = ladder.at_least(amount)
            among &= some
            sure &= exact
        for port in demand.ports:
            among &= ~self._ports.get(port, 0)
        return among, sure

    def takes(self, at: int, demand: Demand) -> bool:
        """The same for one of these nodes and amounts alone."""
        if (
            (demand.cpu and self.cpu.free[at] < demand.cpu)
            or (demand.memory and self.memory.free[at] < demand.memory)
            or (demand.disk and self.disk.free[at] < demand.disk)
            or (demand.generic and not self._has(at, demand))
        ):
            self.in_vain += 1
            return False
        return True

    def _has(self, at: int, demand: Demand) -> bool:
        return all(self._generic[name].free[at] >= amount for name, amount in demand.generic)

    def learn(self, demand: Demand) -> None:
        """After a search: when it looked at too many nodes in vain, the next for the same amounts does not."""
        if self.in_vain > _IN_VAIN:
            self._refine(demand)
        self.in_vain = 0

    def _refine(self, demand: Demand) -> None:
        for ladder, amount in (self.cpu, demand.cpu), (self.memory, demand.memory), (self.disk, demand.disk):
            if amount:
                ladder.refine(amount)
        for name, amount in demand.generic:
            self._generic[name].refine(amount)

    def charge(self, at: int, bit: int, demand: Demand) -> None:
        if demand.cpu:
            self.cpu.take(at, bit, demand.cpu)
        if demand.memory:
            self.memory.take(at, bit, demand.memory)
        if demand.disk:
            self.disk.take(at, bit, demand.disk)
        for name, amount in demand.generic:
            self._of(name).take(at, bit, amount)
        if demand.ports:
            taken = self._taken[at]
            self._again.update((at, port) for port in taken.intersection(demand.ports))
            self._occupy(at, bit, taken.union(demand.ports))

    def release(self, at: int, bit: int, demand: Demand) -> None:
        self._give_back(at, bit, demand)
        if demand.ports:
            others = [(at, port) for port in demand.ports if self._again[at, port]]
            self._again.subtract(others)
            free = set(demand.ports).difference(port for _, port in others)
            self._occupy(at, bit, self._taken[at].difference(free))

    def load(self, at: int, bit: int, state: NodeState) -> None:
        """This is how it is."""
        self.cpu.set(at, bit, state.cpu)
        self.memory.set(at, bit, state.memory)
        self.disk.set(at, bit, state.disk)
        self._occupy(at, bit, state.ports)
        if self._again:
            self._again = Counter({one: count for one, count in self._again.items() if one[0] != at and count})
        if state.ports:
            self._count_doubled(at, state)
        if state.generic or self._offered[at]:
            offered = frozenset(state.generic)
            for name in self._offered[at] | offered:
                self._of(name).set(at, bit, state.generic.get(name, 0))
            self._offered[at] = offered

    def _count_doubled(self, at: int, state: NodeState) -> None:
        """Ports that several tasks hold, as when somebody wrote assignments by hand."""
        held = Counter(port for tenant in state.tenants for port in tenant.ports)
        self._again.update({(at, port): count - 1 for port, count in held.items() if count > 1})

    def _give_back(self, at: int, bit: int, demand: Demand) -> None:
        if demand.cpu:
            self.cpu.set(at, bit, self.cpu.free[at] + demand.cpu)
        if demand.memory:
            self.memory.set(at, bit, self.memory.free[at] + demand.memory)
        if demand.disk:
            self.disk.set(at, bit, self.disk.free[at] + demand.disk)
        for name, amount in demand.generic:
            ladder = self._of(name)
            ladder.set(at, bit, ladder.free[at] + amount)

    def _of(self, name: str) -> Ladder:
        if name not in self._generic:
            self._generic[name] = Ladder([0] * len(self._taken))
        return self._generic[name]

    def _occupy(self, at: int, bit: int, ports: frozenset[HostPortKey]) -> None:
        before = self._taken[at]
        if before != ports:
            for port in before ^ ports:
                self._ports[port] = self._ports.get(port, 0) ^ bit
            self._taken[at] = ports
