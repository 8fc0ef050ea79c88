"""A store with failpoints around its writes, each named by what is written and so by whose it is.

Put around the real store by a composition root, only when failpoints are switched on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from taskyard import keys
from taskyard.failpoints import Failpoints
from taskyard.objects import TaskState, TaskStatus, decode
from taskyard.store.api import Commit, Compare, Operation, OutcomeUnknown, Put, Store
from taskyard.store.forwarding import ForwardingStore

AGENT_EFFECTS = ("agent.register", "agent.renew", "agent.intent", "agent.status", "agent.stats", "agent.event")
PLANE_EFFECTS = (
    "api.write",
    "scheduler.bind",
    "tasks.stop",
    "tasks.remove",
    "leader.campaign",
    "leader.renew",
    "plane.event",
)


def effect_of(operations: Sequence[Operation]) -> str:
    """Whose write it is, by what it writes; empty for a write that has no point."""
    written = [operation.key for operation in operations]
    parts = {found.part for key in written if (found := keys.parse_node(key)) is not None}
    tasks = [operation for operation in operations if operation.key.startswith(keys.TASKS)]
    if "assignments" in parts:
        puts = any(isinstance(operation, Put) for operation in operations)
        return "scheduler.bind" if tasks and puts else "tasks.stop" if puts else "tasks.remove"
    if tasks:
        return "api.write"
    if "status" in parts:
        return _status_effect(operations)
    if "lease" in parts:
        return "agent.register"
    if "stats" in parts:
        return "agent.stats"
    if any(key.startswith(keys.LEADERS) for key in written):
        return "leader.campaign"
    return "event" if any(key.startswith(keys.EVENTS) for key in written) else ""


def _status_effect(operations: Sequence[Operation]) -> str:
    put = next((one for one in operations if isinstance(one, Put)), None)
    starting = put is not None and decode(put.value, TaskStatus).state is TaskState.STARTING
    return "agent.intent" if starting else "tasks.remove" if put is None else "agent.status"


class PointedStore(ForwardingStore):
    """`effects`: those of this process. `error` before a write loses the request, after it the answer."""

    def __init__(self, inner: Store, points: Failpoints, effects: Collection[str]) -> None:
        super().__init__(inner)
        self._points = points
        self._process = "agent" if "agent.renew" in effects else "plane"

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        effect = effect_of(operations)
        if effect == "event":
            effect = f"{self._process}.event"
        with self._points.around(effect, OutcomeUnknown):
            return self.inner.commit(compares, operations)

    def keep_alive(self, lease: int) -> float:
        effect = "agent.renew" if self._process == "agent" else "leader.renew"
        with self._points.around(effect, OutcomeUnknown):
            return self.inner.keep_alive(lease)
