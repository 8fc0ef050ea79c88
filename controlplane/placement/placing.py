"""The decision: which node for each task of a batch, counting what the batch itself has placed so far. Pure.

`place` is the whole of it. A `Placer` says the same, and keeps what it has worked out about the nodes for the next
snapshot, most of whose nodes are those of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.cluster import Demand
from controlplane.placement.engine import Engine
from controlplane.placement.nodes import Snapshot
from controlplane.placement.want import Want, beyond


@dataclass(frozen=True, slots=True)
class Decision:
    """`node` None: it fits nowhere as things are. `charge`: what it adds on the node until the store says so itself."""

    want: Want
    node: str | None
    charge: Demand
    score: float = 0.0


def place(snapshot: Snapshot, wants: Iterable[Want]) -> list[Decision]:
    """One decision for each want, `in_order`."""
    return Placer().place(snapshot, wants)


def in_order(snapshot: Snapshot, wants: Iterable[Want]) -> list[Want]:
    """As `place` takes them: by priority; then those that are packed, the largest first, as large ones find room least
    easily; then the oldest, then by name."""
    wants = list(wants)
    packed = {want.demand for want in wants if _strategy(snapshot, want.demand) == "binpack"}
    if not packed:
        return sorted(wants, key=lambda want: want.turn)
    states = snapshot.nodes.values()
    cpu = sum(state.facts.capacity.cpu_millis for state in states) or 1
    memory = sum(state.facts.capacity.memory_bytes for state in states) or 1
    size = {demand: max(demand.cpu / cpu, demand.memory / memory) for demand in packed}
    return sorted(wants, key=lambda want: (-want.priority, -size.get(want.demand, 0.0), *want.turn[1:]))


def _strategy(snapshot: Snapshot, demand: Demand) -> str:
    return demand.strategy or snapshot.strategy


class Placer:
    """For whoever places again and again."""

    def __init__(self) -> None:
        self._engine = Engine()

    def place(self, snapshot: Snapshot, wants: Iterable[Want]) -> list[Decision]:
        self._engine.take(snapshot)
        return [self._decide(want) for want in in_order(snapshot, wants)]

    def _decide(self, want: Want) -> Decision:
        engine, held = self._engine, want.held
        here = held is not None and engine.knows(held.node)
        if held is not None and here:
            # What it holds is room for itself, and no other decision's until its new binding is in the store.
            engine.release(held.node, held.demand)
        choice = engine.choose(want.demand, want.current)
        if held is not None and here:
            engine.charge(held.node, held.demand)
        if choice is None:
            return Decision(want, None, want.demand)
        stays = held is not None and held.node == choice.node
        charge = beyond(want.demand, held.demand) if held is not None and stays else want.demand
        engine.charge(choice.node, charge)
        return Decision(want, choice.node, charge, choice.score)
