"""What is wrong with the node now, and since when: put together from all who measure, told to registration and people.

Each measures on a thread of its own: pressure.py by housekeeping.py, the runtime by readiness.py, the clock by
leader_time.py. What a condition means for placement is the control plane's to say.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.events import EventRecorder
from taskyard.objects import ConditionType, NodeCondition, ObjectRef

log = logging.getLogger(__name__)


class Conditions:
    """May be called from any thread."""

    def __init__(
        self,
        node: str,
        clock: Clock,
        events: EventRecorder,
        told: Callable[[Sequence[NodeCondition]], None],
        presumed: Iterable[NodeCondition] = (),
    ) -> None:
        """`told` gets all that hold, whenever that is different. `presumed` hold until somebody has measured, and are
        no news before that."""
        self._about = ObjectRef(kind="Node", name=node)
        self._clock = clock
        self._events = events
        self._told = told
        self._lock = threading.Lock()
        self._held: dict[ConditionType, NodeCondition] = {each.type: each for each in presumed}
        self._presumed = set(self._held)

    def note(self, condition: ConditionType, message: str | None) -> None:
        """It holds, for the reason that `message` gives; None: it does not. The first reason stays while it holds."""
        with self._lock:
            presumed, held = condition in self._presumed, self._held.get(condition)
            self._presumed.discard(condition)
            if message is None:
                if held is None:
                    return
                del self._held[condition]
            else:
                if held is not None and not presumed:
                    return
                since = held.since if held is not None else timestamp(self._clock.now())
                self._held[condition] = NodeCondition(type=condition, since=since, message=message)
            self._told([self._held[name] for name in sorted(self._held)])
        if message is not None:
            log.warning("%s: %s", condition, message)
            self._events.emit(self._about, keys.CLUSTER_NAMESPACE, condition, message, warning=True)
        elif held is not None and not presumed:
            log.info("%s is over, which began at %s", condition, held.since)
            self._events.emit(self._about, keys.CLUSTER_NAMESPACE, f"{condition}Over", f"it began at {held.since}")
