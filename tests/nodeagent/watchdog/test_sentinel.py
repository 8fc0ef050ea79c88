"""What the watchdog does when, told of renewals, of containers and of nothing at all."""

from __future__ import annotations

import math

import pytest

from nodeagent.watchdog.sentinel import EAGER, Kill, Sentinel, Stop

TERM = 15


@pytest.fixture
def sentinel() -> Sentinel:
    """A renewal counts until 9, the stop signal is due at 7, and `db` runs."""
    sentinel = Sentinel()
    sentinel.extend(7.0, 9.0)
    assert sentinel.hold("db", TERM, 0.0)
    return sentinel


def test_with_nothing_in_its_care_it_has_nothing_to_wait_for() -> None:
    assert Sentinel().wait(0.0) == math.inf
    assert Sentinel().due(0.0) == []


def test_it_asks_once_and_kills_until_the_end_is_confirmed(sentinel: Sentinel) -> None:
    assert (sentinel.due(6.9), sentinel.wait(6.9)) == ([], pytest.approx(0.1))
    assert (sentinel.due(7.0), sentinel.wait(7.0)) == ([Stop("db", TERM)], pytest.approx(2.0))
    assert sentinel.due(8.0) == []
    assert (sentinel.due(9.0), sentinel.wait(9.0)) == ([Kill("db")], EAGER)
    assert list(sentinel.condemned) == ["db"]
    assert sentinel.due(3600.0) == [Kill("db")], "its start may have hung all the while"
    sentinel.ended("db")
    assert (sentinel.due(3600.0), sentinel.wait(3600.0)) == ([], math.inf)
    assert list(sentinel.condemned) == ["db"], "the agent has to learn why it ended"


@pytest.mark.parametrize(
    ("now", "ended", "idle"),
    [
        pytest.param(6.9, False, True, id="held"),
        pytest.param(7.0, False, False, id="to be asked"),
        pytest.param(3600.0, False, False, id="to be killed"),
        pytest.param(3600.0, True, True, id="ended"),
    ],
)
def test_it_is_idle_when_nothing_is_due(sentinel: Sentinel, now: float, ended: bool, idle: bool) -> None:
    if ended:
        sentinel.due(now)
        sentinel.ended("db")
    assert sentinel.idle(now) is idle
    assert bool(sentinel.due(now)) is not idle


def test_a_renewal_in_time_puts_everything_off(sentinel: Sentinel) -> None:
    sentinel.due(6.9)
    sentinel.extend(10.0, 12.0)
    assert sentinel.due(9.5) == []
    assert sentinel.due(10.0) == [Stop("db", TERM)]


def test_once_it_was_asked_it_has_to_go_whatever_comes(sentinel: Sentinel) -> None:
    sentinel.due(7.0)
    sentinel.extend(10.0, 12.0)
    assert sentinel.due(8.9) == []
    assert sentinel.due(9.0) == [Kill("db")]


def test_a_renewal_that_comes_late_saves_nothing(sentinel: Sentinel) -> None:
    sentinel.due(9.0)  # Its own time came.
    sentinel.extend(17.0, 19.0)
    assert sentinel.due(9.1) == [Kill("db")]
    assert not sentinel.hold("db", TERM, 9.1), "it is condemned for good"
    assert sentinel.hold("db2", TERM, 9.1)


def test_an_older_answer_takes_nothing_back(sentinel: Sentinel) -> None:
    sentinel.extend(5.0, 6.0)
    assert sentinel.due(6.5) == []


def test_nothing_may_start_once_it_would_have_to_stop(sentinel: Sentinel) -> None:
    assert not sentinel.hold("late", TERM, 7.0)


def test_a_lost_lease_ends_all_at_once(sentinel: Sentinel) -> None:
    sentinel.fence(3.0)
    assert sentinel.due(3.0) == [Stop("db", TERM), Kill("db")]
    assert not sentinel.hold("db2", TERM, 3.1)


def test_what_was_removed_is_forgotten(sentinel: Sentinel) -> None:
    sentinel.due(9.0)
    sentinel.release("db")
    assert (sentinel.due(10.0), sentinel.condemned, sentinel.wait(10.0)) == ([], {}, math.inf)
