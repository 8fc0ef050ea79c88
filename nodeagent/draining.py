"""Which tasks an agent that is to end waits for: those that its node is not rid of yet. Pure; called by app.py."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set

from taskyard.objects import DRAIN_TAINT, Assignment
from taskyard.tolerations import patience


def to_leave(assignments: Iterable[Assignment], running: Set[str], over: Set[str]) -> dict[str, str]:
    """`namespace/name` of each, and what it does. `running`: uids with a container that runs; `over`: uids that have
    ended. What tolerates the drain for ever stays, and is not waited for."""
    found = {
        f"{one.namespace}/{one.name}": one.desired if one.desired == "Running" else "Stopping"
        for one in assignments
        if patience(one.spec.tolerations, DRAIN_TAINT) != math.inf
        and (one.uid in running or (one.desired == "Running" and one.uid not in over))
    }
    return dict(sorted(found.items()))
