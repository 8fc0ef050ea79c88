"""Tells, once for each name, that a node is there for the first time. Called by app.py when the node has registered."""

from __future__ import annotations

from taskyard import keys
from taskyard.events import EventRecorder
from taskyard.objects import NodeAnchor, ObjectRef, encode
from taskyard.store.api import Put, Store, absent


def announce(store: Store, node: str, host_id: str, events: EventRecorder) -> None:
    """The anchor outlives leases and agents: whoever makes it is the first. Its count of nothing says nothing of lost
    data. Raises StoreError."""
    key = keys.node_anchor(node)
    if store.get(key) is not None:
        return
    done = store.commit([absent(key)], [Put(key, encode(NodeAnchor(host_id=host_id, count=0)))])
    if done.succeeded:
        about = ObjectRef(kind="Node", name=node)
        events.emit(about, keys.CLUSTER_NAMESPACE, "NodeJoined", "it has registered for the first time")
