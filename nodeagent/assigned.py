"""The tasks that are assigned to this node, as the agent's cache has them. For duties that go over all of them."""

from __future__ import annotations

import contextlib

from taskyard.keys import parse_node
from taskyard.objects import Assignment, BadValue, decode
from taskyard.store.informer import Informer


def assigned(informer: Informer) -> list[Assignment]:
    """In the order of their keys; a value that cannot be read is none."""
    with informer.lock:
        keys = sorted(informer.entries)
        entries = [informer.entries[key] for key in keys if (at := parse_node(key)) and at.part == "assignments"]
    found = []
    for entry in entries:
        with contextlib.suppress(BadValue):
            found.append(decode(entry.value, Assignment))
    return found
