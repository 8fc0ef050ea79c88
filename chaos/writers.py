"""Who made a write, told from what it wrote: the simulator's rules ask for it, and etcd's history does not keep it.

A rule that only compares writers proves nothing here; all the others do.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.checker import Checker
from taskyard import keys
from taskyard.objects import Task, decode
from taskyard.store.api import KeyEvent


def writer_of(together: Sequence[KeyEvent], before: Checker) -> str:
    """Of one revision's events, in the simulator's names; `before` has applied all earlier ones."""
    controllers = f"{before.mirror.leaders.get('controllers')}/tasks"
    for event in together:
        if event.key.startswith(keys.TASKS):
            old = before.mirror.tasks.get(event.key)
            if event.entry is None:
                return controllers if old is not None and old.binding is not None else "user"
            if old is not None and decode(event.entry.value, Task).binding != old.binding:
                return f"{before.mirror.leaders.get('scheduler')}/scheduler"
            return "user"
    for event in together:
        key = keys.parse_node(event.key)
        if key is not None and key.part == "status" and event.entry is not None:
            lease = before.mirror.leases.get(key.node)
            return f"agent-{lease.host_id if lease else key.node}/loop"
        if key is not None and key.part == "spec":
            return "user"
    return controllers
