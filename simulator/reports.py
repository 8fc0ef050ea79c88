"""What agents tell of tasks, for the parts of the checker that hold it against what is on their hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from simulator.mirror import Mirror
from simulator.node import Host
from taskyard import keys
from taskyard.objects import TaskStatus
from taskyard.store.api import KeyEvent


def reports(
    hosts: Mapping[str, Host], mirror: Mirror, events: Iterable[KeyEvent], who: str
) -> Iterator[tuple[Host, str, TaskStatus]]:
    """The host of the agent, the node that it is, and a status as it is written now. `hosts`: by their own key."""
    part, _, where = who.partition("-")
    host = hosts.get(where.partition("/")[0]) if part == "agent" else None
    for event in events if host is not None else ():
        key = keys.parse_node(event.key)
        if host is not None and key is not None and key.part == "status" and event.entry is not None:
            yield host, key.node, mirror.statuses[key.node][key.uid]
