"""The leader's marks, what they tell of moments, and how much of the history is kept."""

from __future__ import annotations

import re

import pytest

from controlplane.past import (
    BadMoment,
    HistoryKeeper,
    Retention,
    earliest,
    last_mark_before,
    mark_at,
    revision_at,
)
from controlplane.past.keeper import COMPACT_EVERY, MARK_EVERY, SHORTEST, keeping
from simulator.clocks import MachineClock
from taskyard import keys
from taskyard.clock import parse_timestamp, timestamp
from taskyard.store.api import Put
from tests.support.plane import Plane

HOUR = 3600.0
GIB = 2**30


def keeper(plane: Plane, *, seconds: float = HOUR, in_use: int = 0) -> HistoryKeeper:
    return HistoryKeeper(plane.store, plane.clock, plane.elector.fence, Retention(seconds, GIB), lambda: in_use)


def live(plane: Plane, kept: HistoryKeeper, seconds: float, *, busy: bool = True) -> None:
    until = plane.clock.monotonic() + seconds
    while plane.clock.monotonic() < until:
        for _ in range(4):  # a lease is renewed more often than that
            plane.clock.advance(MARK_EVERY / 4)
            plane.elector.step()
        if busy:
            plane.put("/taskyard/v1/x", timestamp(plane.clock.now()).encode())
        kept.step()


def marks(plane: Plane) -> int:
    entry = plane.store.get(keys.MARK)
    return entry.version if entry else 0


@pytest.fixture
def plane() -> Plane:
    made = Plane()
    made.lead()
    return made


def test_a_mark_for_each_look_while_things_change_and_none_while_nothing_does(plane: Plane) -> None:
    kept = keeper(plane)
    live(plane, kept, 60)
    assert marks(plane) == 6
    live(plane, kept, 60, busy=False)
    assert marks(plane) == 6


def test_who_does_not_lead_writes_nothing_and_forgets_nothing(plane: Plane) -> None:
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    kept = keeper(other, seconds=SHORTEST)
    for _ in range(200):
        for _ in range(4):
            plane.clock.advance(MARK_EVERY / 4)
            plane.elector.step()
            other.elector.step()
        kept.step()
    assert marks(plane) == 0
    assert earliest(plane.store) == 1


def test_who_leads_no_more_leaves_no_mark(plane: Plane) -> None:
    fence = plane.elector.fence()
    plane.delete(keys.leader("controlplane"))
    HistoryKeeper(plane.store, plane.clock, lambda: fence, Retention(HOUR, GIB), lambda: 0).step()
    assert marks(plane) == 0


def test_a_moment_is_the_last_mark_before_it(plane: Plane) -> None:
    kept = keeper(plane)
    began = plane.clock.now()
    live(plane, kept, 100)
    now = plane.store.list(keys.ROOT).revision
    for seconds in (10, 14.9, 55, 100, 5000):
        found = last_mark_before(plane.store, began + seconds, 1, now)
        assert found is not None
        assert found.seconds == pytest.approx(began + min(seconds // 10 * 10, 100), abs=0.01)
        assert mark_at(plane.store, found.revision) == found
        assert revision_at(plane.store, timestamp(began + seconds), "at") == found.revision
    assert last_mark_before(plane.store, began + 9, 1, now) is None


def test_a_moment_before_all_that_is_known_is_refused_and_says_what_there_is(plane: Plane) -> None:
    kept = keeper(plane)
    early = timestamp(plane.clock.now() - 5)
    with pytest.raises(BadMoment, match="no moment is known of this store's history"):
        revision_at(plane.store, early, "at")
    live(plane, kept, 20)
    assert revision_at(plane.store, early, "at") == 1, "of the whole history nothing is gone: it began later"
    plane.store.compact(2)
    with pytest.raises(BadMoment) as refused:
        revision_at(plane.store, early, "at")
    named = re.search(r"the first moment known of it, (\S+), is later than", str(refused.value))
    assert named is not None
    revision_at(plane.store, timestamp(parse_timestamp(named[1]) + 0.001), "at")
    with pytest.raises(BadMoment, match="in the future"):
        revision_at(plane.store, "100000", "at")
    with pytest.raises(BadMoment, match="at='yesterday' is neither"):
        revision_at(plane.store, "yesterday", "at")


def test_nonsense_in_place_of_a_mark_hurts_nothing(plane: Plane) -> None:
    kept = keeper(plane)
    live(plane, kept, 30)
    plane.store.commit([], [Put(keys.MARK, b"{")])
    at = plane.clock.now()
    live(plane, kept, 30)
    now = plane.store.list(keys.ROOT).revision
    found = last_mark_before(plane.store, at + 15, 1, now)
    assert found is not None
    assert found.seconds == pytest.approx(at + 10, abs=0.01)


def test_what_is_older_than_asked_for_is_forgotten_and_the_rest_is_not(plane: Plane) -> None:
    kept = keeper(plane, seconds=HOUR)
    live(plane, kept, HOUR - 60)
    assert earliest(plane.store) == 1
    live(plane, kept, 2 * HOUR)
    oldest = mark_at(plane.store, earliest(plane.store))
    assert oldest is not None
    assert HOUR <= plane.clock.now() - oldest.seconds <= HOUR + COMPACT_EVERY + MARK_EVERY


def test_a_database_that_is_too_full_keeps_less_but_never_less_than_watches_need(plane: Plane) -> None:
    kept = keeper(plane, seconds=HOUR, in_use=2 * GIB)
    live(plane, kept, 2 * HOUR)
    oldest = mark_at(plane.store, earliest(plane.store))
    assert oldest is not None
    assert SHORTEST <= plane.clock.now() - oldest.seconds <= SHORTEST + COMPACT_EVERY + MARK_EVERY


@pytest.mark.parametrize(
    ("in_use", "before", "after"),
    [
        pytest.param(GIB + 1, 4 * HOUR, 2 * HOUR, id="too full: half"),
        pytest.param(GIB + 1, 900, SHORTEST, id="too full: not below the least"),
        pytest.param(GIB - 1, 2 * HOUR, 2 * HOUR, id="full enough: as it is"),
        pytest.param(GIB // 2, 2 * HOUR, 4 * HOUR, id="room again: all that was asked for"),
    ],
)
def test_how_much_is_kept(in_use: int, before: float, after: float) -> None:
    assert keeping(Retention(4 * HOUR, GIB), in_use, before) == after


def test_another_leader_that_compacted_first_is_no_fault(plane: Plane) -> None:
    kept = keeper(plane, seconds=SHORTEST)
    live(plane, kept, SHORTEST + 30)
    plane.store.compact(plane.store.list(keys.ROOT).revision - 2)
    live(plane, kept, 120)
    assert marks(plane) > 0


def test_a_clock_that_was_set_is_marked_though_nothing_else_changed(plane: Plane) -> None:
    kept = HistoryKeeper(
        plane.store, machine := MachineClock(plane.clock), plane.elector.fence, Retention(HOUR, GIB), lambda: 0
    )
    kept.step()
    before = marks(plane)
    machine.set_ahead(40.0)
    kept.step()
    kept.step()
    assert marks(plane) == before + 1


def test_a_clock_that_is_set_forward_makes_nothing_old(plane: Plane) -> None:
    machine = MachineClock(plane.clock)
    kept = HistoryKeeper(plane.store, machine, plane.elector.fence, Retention(HOUR, GIB), lambda: 0)
    live(plane, kept, HOUR / 2)
    machine.set_ahead(365 * 24 * HOUR)
    live(plane, kept, HOUR / 2 - 60)
    assert earliest(plane.store) == 1
    jumped = plane.clock.now()
    live(plane, kept, 2 * HOUR)
    oldest = mark_at(plane.store, earliest(plane.store))
    assert oldest is not None
    assert oldest.seconds - machine.ahead > jumped, "and what is old by the time that passed goes as ever"


def test_who_begins_to_look_takes_nothing_for_older_than_it_has_seen(plane: Plane) -> None:
    """Its own clock may be the one that is wrong."""
    live(plane, keeper(plane), HOUR / 2)
    machine = MachineClock(plane.clock)
    machine.set_ahead(24 * HOUR)
    other = HistoryKeeper(plane.store, machine, plane.elector.fence, Retention(HOUR, GIB), lambda: 0)
    live(plane, other, HOUR - 60)
    assert earliest(plane.store) == 1
    live(plane, other, 120)
    assert earliest(plane.store) > 1


def test_who_has_looked_on_while_another_led_forgets_as_soon_as_it_leads(plane: Plane) -> None:
    other = Plane(clock=plane.clock, store=plane.store, identity="cp2")
    first, second = keeper(plane, seconds=2 * HOUR), keeper(other, seconds=HOUR)
    for _ in range(int(HOUR / MARK_EVERY) + 2):
        live(plane, first, MARK_EVERY)
        second.step()
    plane.elector.resign()
    other.lead()
    second.step()
    assert earliest(plane.store) > 1
