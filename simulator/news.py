"""Who is to hear of a write at once, as their watches tell them: a decision, which the cluster carries out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from simulator.published import is_published
from taskyard import keys
from taskyard.store.api import KeyEvent


class News(NamedTuple):
    planes: bool = False
    """Something that control planes act on."""
    measured: bool = False
    """What nodes measure, for which nobody waits."""
    leaderless: bool = False
    """Somebody leads no more."""
    nodes: tuple[str, ...] = ()
    """Those that it concerns, in the order of the events."""


def news_of(events: Iterable[KeyEvent]) -> News:
    nodes: dict[str, None] = {}
    planes = measured = leaderless = False
    for event in events:
        of_node = keys.parse_node(event.key)
        if of_node is not None:
            if of_node.part == "stats":
                measured = True
            elif of_node.part != "anchor":  # That an agent keeps for itself.
                planes = True
                nodes[of_node.node] = None
        elif not (event.key.startswith(keys.EVENTS) or is_published(event.key)):
            # Those are for people to read: who asks hears of them with what comes next.
            planes = True
            leaderless = leaderless or (event.entry is None and event.key.startswith(keys.LEADERS))
    return News(planes, measured, leaderless, tuple(nodes))
