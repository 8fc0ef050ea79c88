"""Maintenance ends by itself, and its node may be away meanwhile without anybody making anything of it."""

from __future__ import annotations

import math

import pytest

from controlplane.nodeloss import Losses, Sighting, observe
from controlplane.past import HistoryKeeper, Retention
from taskyard import keys
from taskyard.clock import ManualClock, timestamp
from taskyard.objects import Maintenance, Metadata, NodeSpec, Taint, decode
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.plane import Plane


@pytest.fixture
def plane() -> Plane:
    plane = Plane()
    plane.lead()
    for name in ("n1", "n2", "n3"):
        plane.add_node(name)
    plane.pump()
    return plane


def begin(plane: Plane, seconds: float, *nodes: str) -> None:
    until = Maintenance(until=timestamp(plane.clock.now() + seconds), reason="new disk")
    for name in nodes:
        spec = NodeSpec(metadata=Metadata(name=name, generation=1), labels={"a": "b"}, cordoned=True, maintenance=until)
        plane.set_node(spec)


def live(plane: Plane, seconds: float) -> None:
    for _ in range(int(seconds)):
        plane.clock.advance(1.0)
        plane.elector.step()
        plane.settle(plane.maintenance, plane.scheduler)


def said(plane: Plane, node: str) -> NodeSpec:
    entry = plane.store.get(keys.node_spec(node))
    assert entry is not None
    return decode(entry.value, NodeSpec)


def test_it_ends_in_time_and_takes_nothing_else_with_it(plane: Plane) -> None:
    live(plane, 1)
    begin(plane, 100, "n1")
    live(plane, 98)
    assert said(plane, "n1").maintenance is not None
    assert Taint(key="taskyard/maintenance", effect="NoExecute") in plane.cache.nodes["n1"].taints
    live(plane, 4)
    assert said(plane, "n1") == NodeSpec(metadata=Metadata(name="n1", generation=2), labels={"a": "b"}, cordoned=True)
    (begun,) = plane.told("Maintenance")
    assert begun.message.endswith(": new disk")
    assert len(plane.told("MaintenanceOver")) == 1


def test_one_that_is_made_longer_goes_on(plane: Plane) -> None:
    begin(plane, 10, "n1")
    live(plane, 5)
    begin(plane, 100, "n1")
    live(plane, 50)
    assert said(plane, "n1").maintenance is not None


def test_a_new_leader_ends_it_too(plane: Plane) -> None:
    begin(plane, 10, "n1")
    live(plane, 5)
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    plane.elector.resign()
    other.lead()
    live(other, 10)
    assert said(other, "n1").maintenance is None


def test_a_moment_that_is_none_does_not_last_for_ever(plane: Plane) -> None:
    plane.set_node(NodeSpec(metadata=Metadata(name="n1"), maintenance=Maintenance(until="tomorrow")))
    live(plane, 2)
    assert said(plane, "n1").maintenance is None


def test_nobody_is_told_of_a_loss_that_was_expected_until_it_is_over(plane: Plane) -> None:
    begin(plane, 60, "n1", "n2")
    live(plane, 2)
    plane.delete(keys.node_lease("n1"), keys.node_lease("n2"))
    live(plane, 30)
    assert plane.told("NodeLost") == []
    assert plane.losses.now.mass is None
    plane.add_node("n1")
    live(plane, 60)
    assert plane.told("NodeReturned") == []
    assert [event.about.name for event in plane.told("NodeLost")] == ["n2"]


def test_those_worked_on_do_not_make_a_mass_loss_of_others() -> None:
    everywhere = frozenset("abcd")
    losses = observe(Losses(), Sighting(ready=everywhere), 0)
    away = Sighting(ready=frozenset("d"), holding=frozenset("abc"), maintained=frozenset("ab"))
    losses = observe(losses, away, 1)
    assert losses.mass is None
    assert losses.expected == {"a", "b"}
    over = Sighting(ready=frozenset("d"), holding=frozenset("abc"))
    losses = observe(losses, over, 500)
    assert losses.lost["a"].since == 500
    assert losses.lost["c"].since == 1


def test_cordons_are_told_of(plane: Plane) -> None:
    live(plane, 1)
    for cordoned in (True, True, False):
        plane.set_node(NodeSpec(metadata=Metadata(name="n1"), labels={"a": str(cordoned)}, cordoned=cordoned))
        live(plane, 1)
    (begun,), (ended,) = plane.told("Cordoned"), plane.told("Uncordoned")
    assert (begun.about.name, begun.count, ended.count) == ("n1", 1, 1)


def test_what_is_said_where_no_node_is_yet_is_told_of() -> None:
    empty = Plane()
    empty.lead()
    live(empty, 1)
    empty.set_node(NodeSpec(metadata=Metadata(name="n9"), cordoned=True))
    live(empty, 1)
    assert [event.about.name for event in empty.told("Cordoned")] == ["n9"]


def marked(plane: Plane) -> None:
    """What the leader of all control planes does every few seconds."""
    HistoryKeeper(plane.store, plane.clock, plane.elector.fence, Retention(math.inf, 1), lambda: 0).step()


def succeeded(plane: Plane) -> Plane:
    """Another, that leads in its place."""
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    plane.events.flush()
    other.lead()
    live(other, 1)
    marked(other)
    return other


def test_what_came_while_nobody_led_is_told_of_by_the_next(plane: Plane) -> None:
    live(plane, 1)
    begin(plane, 500, "n1")
    live(plane, 1)
    marked(plane)
    plane.elector.resign()
    begin(plane, 500, "n2")
    plane.set_node(NodeSpec(metadata=Metadata(name="n1")))
    other = succeeded(plane)
    assert {event.about.name for event in other.told("Maintenance")} == {"n1", "n2"}
    assert [event.about.name for event in other.told("MaintenanceOver")] == ["n1"]
    assert {event.about.name for event in other.told("Cordoned")} == {"n1", "n2"}
    assert [event.about.name for event in other.told("Uncordoned")] == ["n1"]
    assert all(event.count == 1 for event in other.told("Maintenance"))


def test_what_was_told_is_not_told_again_by_the_next(plane: Plane) -> None:
    live(plane, 1)
    begin(plane, 500, "n1")
    live(plane, 1)
    marked(plane)
    plane.elector.resign()
    other = succeeded(plane)
    live(other, 5)
    for reason in ("Maintenance", "Cordoned"):
        assert [event.count for event in other.told(reason)] == [1]


def test_where_history_is_gone_what_is_said_counts_as_told(plane: Plane) -> None:
    live(plane, 1)
    marked(plane)
    plane.elector.resign()
    begin(plane, 500, "n1")
    plane.store.compact(plane.store.list(keys.LEADERS).revision)
    other = succeeded(plane)
    assert other.told("Maintenance") == []
    begin(other, 500, "n2")
    live(other, 1)
    assert [event.about.name for event in other.told("Maintenance")] == ["n2"]


def test_a_store_that_does_not_say_what_was_told_before_is_asked_again() -> None:
    clock = ManualClock()
    store = FaultyStore(MemoryStore(clock))
    plane = Plane(clock=clock, store=store)
    plane.lead()
    plane.add_node("n1")
    begin(plane, 100, "n1")
    plane.pump()
    store.fail("get", "request lost")
    plane.maintenance.step()
    live(plane, 102)
    assert said(plane, "n1").maintenance is None
