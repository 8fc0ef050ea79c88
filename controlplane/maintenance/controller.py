"""The maintenance controller's loop: which nodes are worked on, until when, and what people are told.

What maintenance means is not decided here: it is a taint (NodeRecord.taints), and an expected loss (nodeloss).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import ClassVar

from controlplane.cluster import CacheChange, ChangeKind
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.maintenance.decide import end, left
from taskyard import keys
from taskyard.objects import Maintenance, ObjectRef
from taskyard.store.api import Compare

_log = logging.getLogger(__name__)

_LOOK = 60.0
"""Seconds between two looks at the time of day, which somebody may set."""


class MaintenanceController(LeaderLoop[str]):
    """Keys are nodes. Run it in one thread, or step it."""

    kinds: ClassVar[Collection[ChangeKind]] = frozenset({"node"})

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._known: dict[str, Maintenance] = {}
        """What people were told of."""

    def begin_term(self) -> None:
        """What is under way already was told of by whoever led before."""
        self._known = {name: m for name, node in self.cache.nodes.items() if (m := node.maintenance) is not None}

    def everything(self) -> Sequence[str]:
        return sorted(self._known)

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[str]:
        return [c.node for c in changes if c.kind == "node" and self._known.get(c.node) != self._now(c.node)]

    def _now(self, name: str) -> Maintenance | None:
        node = self.cache.nodes.get(name)
        return node.maintenance if node is not None else None

    def work(self, batch: Sequence[str], fence: Compare) -> bool:
        proposals: list[Proposal[str]] = []
        with self.cache.lock:
            for name in batch:
                self._tell(name)
                node = self.cache.nodes.get(name)
                if node is None or node.spec is None or node.maintenance is None:
                    continue
                if wait := left(node.maintenance, self.clock.now()):
                    self.queue.add_after(name, min(wait, _LOOK))
                else:
                    proposals.append(end(name, node.spec, node.spec_revision))
        carry_out(
            self,
            fence,
            batch,
            proposals,
            _log,
            key=lambda name: name,
            what=lambda name: f"end the maintenance of node {name}",
        )
        return False

    def _tell(self, name: str) -> None:
        before, now = self._known.get(name), self._now(name)
        if before == now:
            return
        about = ObjectRef(kind="Node", name=name)
        if now is None:
            del self._known[name]
            self._events.emit(about, keys.CLUSTER_NAMESPACE, "MaintenanceOver", "tasks are placed here again")
            return
        self._known[name] = now
        why = f": {now.reason}" if now.reason else ""
        self._events.emit(about, keys.CLUSTER_NAMESPACE, "Maintenance", f"until {now.until}{why}")
