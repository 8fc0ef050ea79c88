"""One transaction's bindings decided again: on the state before it, all together, in their turns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.past import BoundThen
from controlplane.placement import Snapshot, place
from taskyard.keys import NamedKey


@dataclass(frozen=True, slots=True)
class Again:
    """`then`: the node that it was bound to; `now`: the one that it would be, empty for none."""

    revision: int
    at: str
    key: NamedKey
    then: str
    now: str

    @property
    def differs(self) -> bool:
        return self.then != self.now


def compare(snapshot: Snapshot, bound: Sequence[BoundThen], revision: int) -> list[Again]:
    """In the order of their turns."""
    decided = {decision.want.key: decision.node or "" for decision in place(snapshot, [one.want for one in bound])}
    return [
        Again(revision, one.binding.bound_at, one.want.key, one.binding.node, decided[one.want.key]) for one in bound
    ]
