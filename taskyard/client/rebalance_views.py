"""What a rebalance would do, as far as a client looks into it; fields of a newer server are ignored."""

from __future__ import annotations

import msgspec

from taskyard.client.views import View
from taskyard.prepare import prepare


class BalanceView(View, frozen=True):
    unevenness: float = 0.0
    empty_nodes: int = 0


class MoveView(View, frozen=True):
    namespace: str
    name: str
    uid: str
    epoch: int
    from_node: str
    to_node: str
    gain: float = 0.0
    before: float = 0.0
    after: float = 0.0


class RebalanceView(View, frozen=True):
    revision: int = 0
    moves: tuple[MoveView, ...] = ()
    before: BalanceView = BalanceView()
    after: BalanceView = BalanceView()
    movable: int = 0
    pinned: dict[str, int] = msgspec.field(default_factory=dict)


prepare(RebalanceView)
