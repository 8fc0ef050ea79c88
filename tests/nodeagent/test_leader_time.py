"""How far the clocks are apart is bounded by proof: never wrong, ever narrower, and at once when somebody sets one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.leader_time import LOOK_EVERY, Bounds, LeaderTime, narrowed, skew
from simulator.clocks import MachineClock
from taskyard import keys
from taskyard.clock import ManualClock, timestamp
from taskyard.objects import Mark, encode
from taskyard.store.api import Put
from taskyard.store.memory import MemoryStore


@dataclass
class Apart:
    """A leader that marks every ten seconds, and an agent that looks when it wants to; nothing else happens."""

    true: ManualClock = field(default_factory=ManualClock)
    late: float = 0.0
    """Seconds from when the leader reads its clock to when its mark is in the store."""

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.true)
        self.leader, self.own = MachineClock(self.true), MachineClock(self.true)
        self.time = LeaderTime(self.store, self.own)
        self.mark_at, self.look_at = 3.0, 0.0

    def run(self, seconds: float) -> None:
        until = self.true.monotonic() + seconds
        while (due := min(self.mark_at, self.look_at)) <= until:
            self.true.advance_to(due)
            if due == self.mark_at:
                at = self.leader.now() - self.late
                self.store.commit([], [Put(keys.MARK, encode(Mark(at=timestamp(at))))])
                self.mark_at += 10.0
            else:
                self.time.step()
                self.look_at += LOOK_EVERY
        self.true.advance_to(until)

    def skew(self, allowed: float = 5.0) -> str | None:
        return skew(self.time.ahead(), allowed)


@given(st.floats(-4000, 4000), st.floats(-4000, 4000), st.floats(0, 300))
def test_the_true_difference_is_always_within_the_bounds(own: float, leader: float, seconds: float) -> None:
    apart = Apart()
    apart.own.set_ahead(own)
    apart.leader.set_ahead(leader)
    apart.run(seconds)
    found = apart.time.ahead()
    if found is not None:
        # A mark is written down to the millisecond.
        assert found.low - 0.002 <= own - leader <= found.high + 0.002


def test_two_minutes_make_it_exact_to_two_seconds() -> None:
    apart = Apart()
    apart.run(120)
    found = apart.time.ahead()
    assert found is not None
    assert found.high - found.low < 2.0


def test_a_clock_that_is_set_shows_and_shows_no_longer_once_it_is_right() -> None:
    apart = Apart()
    apart.run(60)
    assert apart.skew() is None
    apart.own.set_ahead(40.0)
    assert "ahead of the leading control plane's; 5 s are allowed" in str(apart.skew())
    apart.own.set_ahead(-3600.0)
    assert "behind the leading control plane's" in str(apart.skew())
    assert skew(apart.time.ahead(), 0.0) is None
    apart.own.set_ahead(0.0)
    assert apart.skew() is None


def test_the_leaders_clock_counts_as_soon_as_two_of_its_marks_agree() -> None:
    apart = Apart()
    apart.run(60)
    apart.leader.set_ahead(-60.0)
    apart.run(40)
    assert "ahead of" in str(apart.skew())
    apart.leader.set_ahead(0.0)
    apart.run(15)
    assert apart.skew() is None


def test_one_mark_that_was_late_proves_nothing() -> None:
    apart = Apart()
    apart.run(60)
    apart.late = 30.0
    apart.run(10)
    apart.late = 0.0
    assert apart.skew() is None
    apart.run(10)
    assert apart.skew() is None


def test_a_mark_from_before_the_first_look_says_nothing() -> None:
    apart = Apart()
    apart.store.commit([], [Put(keys.MARK, encode(Mark(at=timestamp(apart.true.now() - 9000))))])
    apart.run(2)
    assert apart.time.ahead() is None


@pytest.mark.parametrize("value", [b"", b"{}", b'{"at":"soon"}', b'{"at":"2026-11-27T00:00:00"}'])
def test_a_mark_that_somebody_put_is_no_mark(value: bytes) -> None:
    apart = Apart()
    apart.run(2)
    apart.store.commit([], [Put(keys.MARK, value)])
    apart.time.step()
    assert apart.time.ahead() is None


@pytest.mark.parametrize(
    ("found", "known"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([Bounds(0, 10)], Bounds(0, 10), id="one"),
        pytest.param([Bounds(0, 10), Bounds(4, 14)], Bounds(4, 10, 2), id="both hold"),
        pytest.param([Bounds(0, 10), Bounds(40, 50), Bounds(0, 10)], Bounds(0, 10), id="the newest counts"),
    ],
)
def test_narrowed(found: list[Bounds], known: Bounds | None) -> None:
    assert narrowed(found) == known
