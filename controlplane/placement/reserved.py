"""Room on a node that is kept for one task, and whether that is what keeps another waiting. Pure.

Which room is kept for whom is the scheduler's doing; see `controlplane.scheduler.keeping`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from controlplane.cluster import Demand
from controlplane.placement.explanation import Explanation, explain
from controlplane.placement.nodes import Snapshot
from controlplane.placement.want import Want
from taskyard.keys import NamedKey

_NAMED = 3


class Reservation(NamedTuple):
    """Room on a node that is kept for a task until it gets it, and as much of its namespace's quota."""

    key: NamedKey
    node: str
    demand: Demand
    holds: bool = False
    """It has room already, which its quota is spent on: it keeps no more of that from others of its namespace."""

    @property
    def charge(self) -> Demand:
        return msgspec.structs.replace(self.demand, counted=False) if self.holds else self.demand


def without_kept(snapshot: Snapshot, reservations: Iterable[Reservation]) -> Snapshot:
    nodes = dict(snapshot.nodes)
    for one in reservations:
        if one.node in nodes:
            nodes[one.node] = nodes[one.node].charged(one.charge)
    return snapshot.with_nodes(nodes)


def kept_for_others(snapshot: Snapshot, want: Want, found: Explanation, reserved: Iterable[Reservation]) -> str:
    """`the room that it fits in is kept: on n2 for shop/big`; empty where that is not what keeps it waiting. `found`:
    the explanation that knows nothing of what is kept."""
    own = want.held.node if want.held is not None and want.needs_no_more else ""
    others = [
        one for one in reserved if one.key != want.key and one.demand.priority >= want.priority and one.node != own
    ]
    fitting = {verdict.node for verdict in found.fitting}
    if not others or not fitting:
        return ""
    if explain(without_kept(snapshot, others), want.demand, current=want.current, held=want.held).fits:
        return ""
    by_node: dict[str, list[str]] = {}
    for one in sorted(others, key=lambda one: (one.node, one.key)):
        if one.node in fitting:
            by_node.setdefault(one.node, []).append(f"{one.key.namespace}/{one.key.name}")
    if not by_node:
        # Nothing is kept where it fits: it is the quota that would not do for both.
        names = sorted(
            f"{one.key.namespace}/{one.key.name}" for one in others if one.key.namespace == want.key.namespace
        )
        return f"what its namespace may have is kept for {' and '.join(names[:_NAMED])}"
    kept = [f"on {node} for {' and '.join(names)}" for node, names in list(by_node.items())[:_NAMED]]
    more = f" and on {len(by_node) - _NAMED} more" if len(by_node) > _NAMED else ""
    return f"the room that it fits in is kept: {', '.join(kept)}{more}"
