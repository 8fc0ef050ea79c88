"""Tells people of lost nodes and of a mass loss, once each. For the leader alone: the others see the same."""

from __future__ import annotations

from controlplane.nodeloss.losses import Losses
from controlplane.nodeloss.outlook import describe
from taskyard import keys
from taskyard.events import EventRecorder
from taskyard.objects import ObjectRef

_CLUSTER = ObjectRef(kind="Cluster", name="cluster")


class LossAnnouncer:
    def __init__(self, events: EventRecorder) -> None:
        self._events = events
        self._told = Losses()

    def clear(self) -> None:
        """A term begins: what is lost already is told of again, and counted."""
        self._told = Losses()

    def tell(self, losses: Losses) -> None:
        before, self._told = self._told, losses
        if before is losses:
            return
        missed, were_missed = losses.lost.keys() - losses.expected, before.lost.keys() - before.expected
        for node in sorted(missed - were_missed):
            self._node(node, "NodeLost", "its lease is gone: its agent has stopped, or cannot reach etcd", warning=True)
        for node in sorted(were_missed & losses.ready):
            self._node(node, "NodeReturned", "its agent is back", warning=False)
        if losses.mass is not None and (before.mass is None or before.mass.vanished < losses.mass.vanished):
            message = f"the tasks of lost nodes are not placed again for now: {describe(losses)}"
            self._events.emit(_CLUSTER, keys.CLUSTER_NAMESPACE, "MassLoss", message, warning=True)
        if losses.mass is None and before.mass is not None:
            message = "enough nodes are back: the tasks of those still lost are placed again"
            self._events.emit(_CLUSTER, keys.CLUSTER_NAMESPACE, "MassLossOver", message)

    def _node(self, name: str, reason: str, message: str, *, warning: bool) -> None:
        about = ObjectRef(kind="Node", name=name)
        self._events.emit(about, keys.CLUSTER_NAMESPACE, reason, message, warning=warning)
