"""The maintenance controller's loop: which nodes are worked on, until when, and what people are told of that and of
cordons.

What maintenance means is not decided here: it is a taint (NodeRecord.taints), and an expected loss (nodeloss).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import ClassVar

from controlplane.cluster import CacheChange, ChangeKind
from controlplane.leading import LeaderLoop, Means, Proposal, carry_out
from controlplane.maintenance.decide import end, left
from controlplane.maintenance.told import NOTHING, Said, said_in, told_before
from taskyard import keys
from taskyard.objects import ObjectRef
from taskyard.store.api import Compare, StoreUnavailable

_log = logging.getLogger(__name__)

_LOOK = 60.0
"""Seconds between two looks at the time of day, which somebody may set."""
_AGAIN = "tasks are placed here again"


class MaintenanceController(LeaderLoop[str]):
    """Keys are nodes. Run it in one thread, or step it."""

    kinds: ClassVar[Collection[ChangeKind]] = frozenset({"node"})

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._known: dict[str, Said] = {}
        """What people were told of."""
        self._begun_at = 0
        """The revision of the cache when the term began."""
        self._remembers = False
        """What was told before this term is known."""

    def begin_term(self) -> None:
        self._known, self._remembers, self._begun_at = {}, False, self.cache.revision

    def everything(self) -> Sequence[str]:
        return sorted(self.cache.nodes.keys() | self._known.keys())

    def dirty(self, changes: Sequence[CacheChange]) -> Sequence[str]:
        return [c.node for c in changes if c.kind == "node" and self._known.get(c.node, NOTHING) != self._now(c.node)]

    def _now(self, name: str) -> Said:
        node = self.cache.nodes.get(name)
        return said_in(node.spec if node is not None else None)

    def _remember(self, fence: Compare) -> bool:
        """What whoever led before has told; False while the store does not say."""
        with self.cache.lock:
            present = {name: (said_in(node.spec), node.spec_revision) for name, node in self.cache.nodes.items()}
        try:
            self._known = told_before(self.store, present, fence.revision, self._begun_at)
        except StoreUnavailable as error:
            _log.warning("what was told of nodes before cannot be read now: %s", error)
            return False
        self._remembers = True
        return True

    def work(self, batch: Sequence[str], fence: Compare) -> bool:
        if not self._remembers and not self._remember(fence):
            for name in batch:
                self.queue.retry(name)
            return False
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
        before, now = self._known.pop(name, NOTHING), self._now(name)
        if now != NOTHING:
            self._known[name] = now
        if name not in self.cache.nodes:
            return  # It was forgotten, with all that was said of it.
        if before.cordoned != now.cordoned:
            reason, message = "Cordoned", "nothing new is placed here until it is uncordoned"
            self._emit(name, reason if now.cordoned else "Uncordoned", message if now.cordoned else _AGAIN)
        if now.maintenance is None and before.maintenance is not None:
            self._emit(name, "MaintenanceOver", "it is still cordoned" if now.cordoned else _AGAIN)
        elif now.maintenance is not None and before.maintenance != now.maintenance:
            why = f": {now.maintenance.reason}" if now.maintenance.reason else ""
            self._emit(name, "Maintenance", f"until {now.maintenance.until}{why}")

    def _emit(self, name: str, reason: str, message: str) -> None:
        self._events.emit(ObjectRef(kind="Node", name=name), keys.CLUSTER_NAMESPACE, reason, message)
