"""The tasks that are assigned to this node, as the agent's cache has them. For duties that go over all of them."""

from __future__ import annotations

import contextlib

from taskyard.keys import parse_node
from taskyard.objects import Assignment, BadValue, TaskStatus, decode
from taskyard.store.api import Entry
from taskyard.store.informer import Informer


def assigned(informer: Informer) -> list[Assignment]:
    """In the order of their keys; a value that cannot be read is none."""
    found = []
    for entry in _entries(informer, "assignments"):
        with contextlib.suppress(BadValue):
            found.append(decode(entry.value, Assignment))
    return found


def ended(informer: Informer) -> set[str]:
    """The uids of those that are over, as their statuses say."""
    found = set()
    for entry in _entries(informer, "status"):
        with contextlib.suppress(BadValue):
            status = decode(entry.value, TaskStatus)
            found |= {status.uid} if status.state.terminal else set()
    return found


def _entries(informer: Informer, part: str) -> list[Entry]:
    with informer.lock:
        keys = sorted(informer.entries)
        return [informer.entries[key] for key in keys if (at := parse_node(key)) and at.part == part]
