"""A node's first registration is told once, and takes nothing from what tells of lost data."""

from __future__ import annotations

from nodeagent.anchor import Anchor, MemoryMemo
from nodeagent.joining import announce
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.events import EventRecorder
from taskyard.objects import Event, decode
from taskyard.store.memory import MemoryStore


def test_it_is_told_the_first_time_alone() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    for host in ("host-1", "host-1", "host-2"):
        events = EventRecorder(store, clock, "agent/n1")
        announce(store, "n1", host, events)
        events.flush()
    (told,) = [decode(entry.value, Event) for entry in store.list(keys.EVENTS).entries]
    assert (told.about.kind, told.about.name, told.reason, told.count) == ("Node", "n1", "NodeJoined", 1)


def test_a_store_that_was_wiped_is_still_seen_to_be() -> None:
    clock = ManualClock()
    store, memo = MemoryStore(clock), MemoryMemo()
    memo.write(3)
    announce(store, "n1", "host-1", EventRecorder(store, clock, "agent/n1"))
    anchor = Anchor("n1", "host-1", memo, lambda operations: store.commit([], operations))
    assert anchor.went_back(store.get(anchor.key))
