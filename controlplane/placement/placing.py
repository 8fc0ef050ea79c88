"""The decision: which node for each task of a batch, counting what the batch itself has placed so far. Pure.

`place` is the whole of it. A `Placer` says the same, and keeps what it has worked out about the nodes for the next
snapshot, most of whose nodes are those of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from controlplane.cluster import Demand
from controlplane.placement.engine import Choice, Engine
from controlplane.placement.nodes import Snapshot
from controlplane.placement.reserved import Reservation
from controlplane.placement.waking import NO_NEWS, News
from controlplane.placement.want import Held, Want, beyond
from taskyard.keys import NamedKey

LARGEST_GANG = 24
"""Tasks that are placed together: what one transaction of etcd has room for, as the schema says. More come later."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`node` None: it fits nowhere as things are. `charge`: what it adds on the node until the store says so itself."""

    want: Want
    node: str | None
    charge: Demand
    score: float = 0.0


def place(snapshot: Snapshot, wants: Iterable[Want], reserved: Iterable[Reservation] = ()) -> list[Decision]:
    """One decision for each want, `in_order`; those of a gang stand together, at the turn of the first."""
    return Placer().place(snapshot, wants, reserved)


def in_order(snapshot: Snapshot, wants: Iterable[Want]) -> list[Want]:
    """As `place` takes them: by priority; then by their place in line; then those that are packed, the largest first,
    as large ones find room least easily; then the oldest, then by name."""
    wants = list(wants)
    packed = {want.demand for want in wants if _strategy(snapshot, want.demand) == "binpack"}
    if not packed:
        return sorted(wants, key=lambda want: want.turn)
    states = snapshot.nodes.values()
    cpu = sum(state.facts.capacity.cpu_millis for state in states) or 1
    memory = sum(state.facts.capacity.memory_bytes for state in states) or 1
    size = {demand: max(demand.cpu / cpu, demand.memory / memory) for demand in packed}
    return sorted(wants, key=lambda want: (-want.priority, want.line, -size.get(want.demand, 0.0), *want.turn[2:]))


def _strategy(snapshot: Snapshot, demand: Demand) -> str:
    return demand.strategy or snapshot.strategy


class Placer:
    """For whoever places again and again."""

    def __init__(self) -> None:
        self._engine = Engine()

    def place(self, snapshot: Snapshot, wants: Iterable[Want], reserved: Iterable[Reservation] = ()) -> list[Decision]:
        """`reserved`: room that only the task it is for may have, and tasks of higher priority."""
        self._engine.take(snapshot)
        batch, kept = in_order(snapshot, wants), _Kept(self._engine, reserved)
        gangs: dict[str, list[Want]] = {}
        for want in batch:
            if want.gang:
                gangs.setdefault(want.gang, []).append(want)
        decisions = []
        for want in batch:
            if want.gang:
                members = gangs.pop(want.gang, None)
                if members is not None:
                    kept.from_those_of_less(want.priority)
                    decisions += self._with_kept(kept, members)
                continue
            mine = None
            if kept.any:
                kept.from_those_of_less(want.priority)
                mine = kept.give(want)
            decision = self._decide(want, kept)
            if mine is not None and decision.node is None:
                kept.keep(mine)
            decisions.append(decision)
        return decisions

    def woken(
        self,
        snapshot: Snapshot,
        waiting: Iterable[tuple[Demand, Held | None]],
        changed: Sequence[str],
        news: News = NO_NEWS,
    ) -> set[int]:
        """The positions of those that one of the changed nodes may have room for now, or that may have it elsewhere,
        or the place of others, for what is new besides room."""
        engine, found = self._engine, set()
        engine.take(snapshot)
        for at, (demand, held) in enumerate(waiting):
            freed = demand.namespace in news.freed
            if held is None or not (freed or held.node in changed) or not engine.knows(held.node):
                concerned = self._concerned(demand, changed, news)
            else:
                engine.release(held.node, held.demand)
                concerned = self._concerned(demand, changed, news)
                engine.charge(held.node, held.demand)
            if concerned:
                found.add(at)
        return found

    def _concerned(self, demand: Demand, changed: Sequence[str], news: News) -> bool:
        engine = self._engine
        if engine.may_take(demand, changed) or news.gives_way(demand):
            return True
        if demand.namespace not in news.freed or not engine.allows(demand):
            return False
        return news.matters_more(demand.priority) or engine.may_take(demand)

    def _with_kept(self, kept: _Kept, members: list[Want]) -> list[Decision]:
        """A gang, in what is kept for each of it."""
        theirs = [kept.give(member) for member in members]
        decisions = self._all_or_none(members, kept)
        for mine, decision in zip(theirs, decisions, strict=True):
            if mine is not None and decision.node is None:
                kept.keep(mine)
        return decisions

    def _all_or_none(self, members: list[Want], kept: _Kept) -> list[Decision]:
        """Of one gang: as many as it says, with those that are placed already, or none of them."""
        decisions: list[Decision] = []
        if len(members) >= members[0].gang_lacks:
            for member in members[:LARGEST_GANG]:
                decisions.append(self._decide(member, kept))
                if decisions[-1].node is None:
                    break
            else:
                return decisions + [Decision(member, None, member.demand) for member in members[LARGEST_GANG:]]
            for decision in reversed(decisions):
                if decision.node is not None:
                    self._engine.release(decision.node, decision.charge)
        return [Decision(member, None, member.demand) for member in members]

    def _decide(self, want: Want, kept: _Kept) -> Decision:
        engine, held, charge = self._engine, want.held, want.demand
        if held is None or not engine.knows(held.node):
            choice = engine.choose(charge, want.current)
        else:
            # What it holds is room for itself, and no other decision's until its new binding is in the store.
            engine.release(held.node, held.demand)
            choice = self._stay(want, held.node, kept) or engine.choose(charge, want.current)
            engine.charge(held.node, held.demand)
            if choice is not None and choice.node == held.node:
                charge = beyond(want.demand, held.demand)
        if choice is None:
            return Decision(want, None, want.demand)
        engine.charge(choice.node, charge)
        return Decision(want, choice.node, charge, choice.score)

    def _stay(self, want: Want, node: str, kept: _Kept) -> Choice | None:
        """In the room that it holds and needs no more than: whatever is kept there is kept besides that."""
        if not (kept.any and want.needs_no_more):
            return None
        with kept.lifted(node):
            choice = self._engine.choose(want.demand, want.current)
        return choice if choice is not None and choice.node == node else None


class _Kept:
    """Reservations, charged as soon as the turn is at tasks that they are kept from."""

    def __init__(self, engine: Engine, reserved: Iterable[Reservation]) -> None:
        self._engine = engine
        self._later = sorted(reserved, key=lambda one: (one.demand.priority, one.key))
        self._charged: dict[NamedKey, Reservation] = {}
        self.any = bool(self._later)

    def from_those_of_less(self, priority: int) -> None:
        """And of the same priority."""
        while self._later and self._later[-1].demand.priority >= priority:
            self.keep(self._later.pop())

    def keep(self, one: Reservation) -> None:
        if self._engine.knows(one.node):
            self._engine.charge(one.node, one.charge)
            self._charged[one.key] = one

    @contextmanager
    def lifted(self, node: str) -> Iterator[None]:
        """While nothing is kept there."""
        there = [one for one in self._charged.values() if one.node == node]
        for one in there:
            self._engine.release(one.node, one.charge)
        yield
        for one in there:
            self._engine.charge(one.node, one.charge)

    def give(self, want: Want) -> Reservation | None:
        """What is kept for this one is room for it."""
        mine = self._charged.pop(want.key, None)
        if mine is not None:
            self._engine.release(mine.node, mine.charge)
        return mine
