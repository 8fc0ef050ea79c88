"""What is wrong with a node is told once, with when it began and why, and with an event; and its end, too."""

from __future__ import annotations

from dataclasses import dataclass, field

from nodeagent.conditions import Conditions
from taskyard import keys
from taskyard.clock import ManualClock, timestamp
from taskyard.events import EventRecorder
from taskyard.objects import Event, NodeCondition, decode
from taskyard.store.memory import MemoryStore

PRESUMED = NodeCondition(type="RuntimeDown", since="2026-11-27T00:00:00Z", message="it was not asked yet")


@dataclass
class Told:
    clock: ManualClock = field(default_factory=ManualClock)
    all: list[list[NodeCondition]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self.recorder = EventRecorder(self.store, self.clock, "agent/n1")

    def conditions(self, *presumed: NodeCondition) -> Conditions:
        return Conditions("n1", self.clock, self.recorder, lambda now: self.all.append(list(now)), presumed)

    def events(self) -> list[tuple[str, str, str]]:
        self.recorder.flush()
        found = [decode(entry.value, Event) for entry in self.store.list(keys.EVENTS).entries]
        return sorted((one.reason, one.type, one.message) for one in found)


def test_it_is_told_when_it_begins_and_when_it_ends() -> None:
    told = Told()
    conditions, since = told.conditions(), timestamp(told.clock.now())
    conditions.note("DiskPressure", "1Gi is free")
    told.clock.advance(30)
    conditions.note("DiskPressure", "900Mi is free")
    conditions.note("ClockSkew", "40 s ahead")
    later = timestamp(told.clock.now())
    conditions.note("DiskPressure", None)
    disk = NodeCondition(type="DiskPressure", since=since, message="1Gi is free")
    clock = NodeCondition(type="ClockSkew", since=later, message="40 s ahead")
    assert told.all == [[disk], [clock, disk], [clock]]
    assert told.events() == [
        ("ClockSkew", "Warning", "40 s ahead"),
        ("DiskPressure", "Warning", "1Gi is free"),
        ("DiskPressureOver", "Normal", f"it began at {since}"),
    ]


def test_what_was_presumed_and_is_not_so_is_no_news() -> None:
    told = Told()
    conditions = told.conditions(PRESUMED)
    conditions.note("RuntimeDown", None)
    conditions.note("RuntimeDown", None)
    assert told.all == [[]]
    assert told.events() == []


def test_what_was_presumed_rightly_is_told_with_its_reason_from_when_it_was_presumed() -> None:
    told = Told()
    conditions = told.conditions(PRESUMED)
    told.clock.advance(5)
    conditions.note("RuntimeDown", "connection refused")
    conditions.note("RuntimeDown", "timed out")
    assert told.all == [[NodeCondition(type="RuntimeDown", since=PRESUMED.since, message="connection refused")]]
    assert told.events() == [("RuntimeDown", "Warning", "connection refused")]
