"""Assignments that went when etcd was taken back to an earlier state: the containers of those tasks go on as they are.

Told by what the store has now next to what it had, also before this agent began: `anchor.py` remembers how far the
store had come. Called by the agent.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from nodeagent.anchor import KEY as ANCHOR
from nodeagent.anchor import Anchor
from nodeagent.view import ContainerView
from taskyard import keys
from taskyard.objects import ObjectRef
from taskyard.store.api import StoreError
from taskyard.store.informer import Change, Informer
from taskyard.store.workqueue import WorkQueue

log = logging.getLogger(__name__)


class Recorder(Protocol):
    """taskyard.events.EventRecorder, as far as it is needed here."""

    def emit(self, about: ObjectRef, namespace: str, reason: str, message: str, *, warning: bool = False) -> None: ...


class LostAssignments:
    def __init__(
        self,
        node: str,
        informer: Informer,
        view: ContainerView,
        anchor: Anchor,
        queue: WorkQueue[str],
        recorder: Recorder,
    ) -> None:
        self._node, self._informer, self._view = node, informer, view
        self._anchor, self._queue, self._recorder = anchor, queue, recorder
        self._lost: set[str] = set()
        """Uids whose assignment was lost with the store's data, and that nobody has asked to stop."""
        self._compared = False
        """What the store has was compared with what the agent before this one knew."""

    def __contains__(self, uid: str) -> bool:
        return uid in self._lost

    def discard(self, uid: str) -> None:
        """Nothing of the task is left here."""
        self._lost.discard(uid)

    def changed(self, changes: Sequence[Change], *, restored: bool) -> None:
        """`restored`: the store was taken back since the last changes."""
        lost, fresh = 0, restored
        for change in changes:
            key = keys.parse_node(change.key)
            if key is None or key.part != "assignments":
                continue
            if change.new:
                self._lost.discard(key.uid)
                fresh = fresh or change.old is None
            elif change.revision == self._informer.restored_at:
                self._lost.add(key.uid)
                lost += 1
        if fresh or lost:
            # A new agent compares with what the store has now, and removes what it still does not know. Also when
            # nothing of this node was lost: what is taken away later, while no agent is here, is meant.
            self._queue.add(ANCHOR)
        if lost:
            self._tell(f"has lost {lost} assignments of this node")

    def compare(self) -> None:
        """Once, when the lists of store and runtime are there: did the store lose data while no agent was here?"""
        if self._compared:
            return
        self._compared = True
        if not self._anchor.went_back(self._informer.entries.get(self._anchor.key)):
            return
        with self._informer.lock:
            entries = self._informer.entries
            lost = {uid for uid in self._view.uids() if keys.assignment(self._node, uid) not in entries}
            self._lost |= lost
        if lost:
            self._queue.add(ANCHOR)
            self._tell(f"does not know {len(lost)} tasks whose containers are on this node")

    def advance_anchor(self) -> None:
        """In a lane."""
        try:
            self._anchor.advance(self._informer.entries.get(self._anchor.key))
            self._queue.forget(ANCHOR)
        except (StoreError, OSError) as error:
            log.warning("what etcd has cannot be marked now: %s", error)
            self._queue.retry(ANCHOR)
        finally:
            self._queue.done(ANCHOR)

    def _tell(self, lost: str) -> None:
        message = (
            f"etcd went back to an earlier state and {lost}: their containers are left as they are."
            " Restore etcd from a newer backup, or start the agent anew to have them removed"
        )
        log.error("%s", message)
        about = ObjectRef(kind="Node", name=self._node)
        self._recorder.emit(about, keys.CLUSTER_NAMESPACE, "StoreRestored", message, warning=True)
