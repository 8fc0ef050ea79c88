"""What holds tasks on a node that is to be empty, as events say, asked for again while a command waits for it.

A task's own status tells nothing of it: it runs as before. Used by `drain` and `maintenance`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from taskyard.client.api import Client
from taskyard.client.errors import ClientError
from taskyard.client.selection import EventSelection

_EVERY = 2.0
"""Seconds between two questions."""


@contextmanager
def held_on(client: Client, node: str, on_news: Callable[[], None]) -> Iterator[Mapping[str, str]]:
    """By namespace and name of a task: the newest that was told of it. `on_news` is called, in a thread, when there is
    more; a server that does not answer is asked again: whoever waits tells of that."""
    told: dict[str, str] = {}
    over = threading.Event()
    selection = EventSelection(kind="Node", name=node, owned=True)

    def ask() -> None:
        while not over.wait(_EVERY):
            with suppress(ClientError):
                before = dict(told)
                events = [item.view for item in client.events(selection).items]
                for event in sorted(events, key=lambda each: each.last_seen):
                    if event.reason == "EvictionHeld":
                        told[f"{event.namespace}/{event.about.name}"] = event.message
                if told != before and not over.is_set():
                    on_news()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield told
    finally:
        over.set()
